package mount

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/fs"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/exitcode"
)

// serveForeign serves a mount that somebody else has made, or is about to make, with
// the descriptor fd: [New] for a mountpoint of the form /dev/fd/N. Where the mount is
// in the file tree, in which namespace, and with which options, is not known. So
//
//   - permissions are checked here, by the user of each request (see [fs.CheckPermissions]);
//   - watchers are told nothing, as that takes system calls on the mount;
//   - no control socket answers: it is found by the mount table. .infisicalfs is there;
//   - nothing is unmounted. The mount ends when the kernel lets go, or is dead when this
//     process ends, until whoever has made it takes it away.
func serveForeign(ctx context.Context, cfg Config, fd int) (*Mount, error) {
	if err := attach.CheckDescriptor(fd); err != nil {
		return nil, err
	}
	unix.CloseOnExec(fd)
	cfg.FS.Notify = fs.NotifyOff
	rooms := wire(cfg, cfg.Mountpoint, time.Now())
	rooms.propagation = Propagation{As: attach.PropagateRW, Reason: "somebody else has made the mount"}
	m := newMount(cfg, cfg.Mountpoint, rooms)
	m.foreign = true
	err := rooms.contact(ctx, cfg)
	if err != nil {
		err = fmt.Errorf("reading %s: %w", cfg.Root, err)
	}
	if err == nil {
		err = attach.AwaitDescriptor(ctx, fd)
	}
	if err == nil {
		if err = rooms.serve(fd, cfg); err != nil {
			err = exitcode.Errorf(exitcode.FUSE, "", "%s cannot be served: %w", cfg.Mountpoint, err)
		}
	}
	if err != nil {
		rooms.close()
		return nil, err
	}
	close(m.listened) // nobody can ask
	m.notes = rooms.notes(ctx, cfg, attach.Place{})
	go m.run()
	m.log.Info("serving", "descriptor", m.point, "root", cfg.Root.String())
	return m, nil
}

// letGoOfForeign ends a mount that is not ours to unmount, as far as that is possible:
// no value is served any longer, and its requests are answered by the kernel from the
// end of this process on.
func (m *Mount) letGoOfForeign() {
	select {
	case <-m.letGo:
		<-m.ended
		return
	default:
	}
	m.logLost(m.sendUnsent())
	m.rooms.close()
}
