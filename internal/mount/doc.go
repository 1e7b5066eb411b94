// Package mount is the life of one mount, from the check of the mountpoint to
// the last goroutine. It is the only place that wires the rooms together: the
// client below the cache, the cache below the file system, the file system
// below the kernel.
//
//	m, err := mount.New(ctx, cfg) // checks, heals, asks the server once, mounts
//	...
//	err = m.Wait()                // until somebody unmounts
//	err = m.Close()               // or until we do
//
// [Unmount], [ReadStatus], [Rejected], [HiddenMounts] and [TakeOver] work on mounts of
// other processes.
//
// A mountpoint may belong to a file system whose server is dead or hangs, and
// then a mere stat can block for ever. So the mount table is asked first, and
// whatever touches a path runs with a bound.
package mount
