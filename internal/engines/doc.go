// Package engines tests what containers see: the built program under real engines,
// Debian's dockerd and podman, with an image made of busybox. There is nothing in it
// but tests.
//
// As root they run in namespaces of their own (mounts, processes, network), so that
// what they start and mount ends with them, whatever happens, and the machine's own
// engines are left alone. All share one dockerd, and one systemd with the shipped unit.
package engines
