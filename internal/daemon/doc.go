// Package daemon takes a program into the background and keeps what is in its
// memory from others.
//
// Go cannot fork, so the program starts itself again, and the first one waits for
// what the second has to say:
//
//	child := daemon.Background()
//	if child == nil { // started by a user
//		return daemon.Daemonize(ctx)
//	}
//	ctx, stop := child.Context(ctx) // ends if whoever started it is gone
//	defer stop()
//	if err := start(ctx); err != nil {
//		child.Failed(err, "what to do about it") // and Daemonize returns that
//		return nil
//	}
//	return child.Ready() // and Daemonize returns nil
package daemon
