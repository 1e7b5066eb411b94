// Package run gives one command a mount namespace of its own, in which somebody
// else mounts something before the command starts.
//
// Three processes take part, all of them this program. The one that the user
// started ("front") makes the namespace, starts the second in it, waits until
// that serves the mount, and then becomes the command by exec: the command has
// the process number, the process group, the terminal, the descriptors and the
// parent that the user gave to the front, so signals, job control and the exit
// status need nobody to pass them on. The second hands the work over to a third
// ("keeper") and ends, so that the command does not have a child that it never
// started. The keeper serves until the process of the command has ended.
//
// Root makes just a mount namespace. Others need a user namespace around it, in
// which they are who they were. Only a process with a single thread can enter
// one, which a Go program is not: there the front becomes nsenter(1), that
// becomes this program again, in the namespace, and that becomes the command.
package run
