// Package keeper keeps descriptors for a node plugin, in a process of its own that does nothing else: what the
// service manager does for a unit on machines that have one (package infisicalfs/internal/systemd). When the plugin is killed, restarted
// or replaced by another version, who reads its volumes waits for the next process of it, and nothing fails.
//
//	l, err := keeper.Listen(path)          // in the keeper's process
//	err = (&keeper.Keeper{…}).Serve(ctx, l)
//
//	c, err := keeper.Dial(ctx, path, log)  // in the plugin's, which is a mount.Keeper
//	left := c.Received()
//	err = c.Store("fuse-NAME", fd)
//	c.Close()                              // at the very end
//
// They talk in packets at a unix socket (SOCK_SEQPACKET), each of which is whole and ends by itself, in the words that
// sd_notify(3) has for this, and three more:
//
//	the plugin                          the keeper
//	FDSTOREOWN=1                   ──▶
//	                               ◀──  WAIT=1, as long as another process owns what is kept
//	                               ◀──  FDNAME=name, and the descriptor, for each
//	                               ◀──  READY=1
//	FDSTORE=1 FDNAME=name, and it  ──▶
//	                               ◀──  OK=1, or ERROR=why
//	FDSTOREREMOVE=1 FDNAME=name    ──▶
//	                               ◀──  OK=1, or ERROR=why
//
// One process owns what is kept, from READY=1 to its end: two must never read requests of one connection. There is
// one descriptor of a name; another takes its place. The keeper looks at none of them (as with FDPOLL=0): a
// connection that has ended is for the next plugin to find out, which says so.
//
// Where no process owns what is kept for a while (Keeper.Hold) it is let go of, and who waits has an error: nobody waits
// for ever. The plugin has a copy of each descriptor, and leaves them all anew with a keeper that was started
// anew. So only if both processes end at once, something is lost.
package keeper
