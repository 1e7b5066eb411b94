// Package emitthread has the thread on which system calls are made on the mounts that
// this process serves, so that watchers (inotify) hear of changes: the kernel emits
// events for system calls only.
package emitthread
