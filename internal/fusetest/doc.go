// Package fusetest tests FUSE file systems in two ways with the same cases:
// [Direct] plays the kernel against the nodes and needs no privileges, and
// [Mounted] mounts them for real. Both are looked at through a [View].
//
// A mount leaves nothing behind, or the test fails. Where there is no FUSE the
// test is skipped, unless the environment has REQUIRE_FUSE=1.
package fusetest
