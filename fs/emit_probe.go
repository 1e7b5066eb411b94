package fs

import (
	"context"
	"crypto/rand"
	"os"
	"sync/atomic"

	"infisicalfs/fs/internal/controldir"
)

// probe is a lookup of a name that nobody can guess, by the thread that is going
// to emit events. Unless that request names the thread, its requests would be taken for
// somebody's wish, and a writable file system would fulfil it on the server.
type probe struct {
	name   string
	caller atomic.Uint32
}

// recognises reports whether requests by the calling thread name it.
func (f *FS) recognises(root int, thread uint32) bool {
	if thread != 0 && f.emitter.recognised.Load() == thread {
		return true
	}
	p := &probe{name: controldir.Name + "-" + rand.Text()}
	f.emitter.probe.Store(p)
	defer f.emitter.probe.Store(nil)
	lookFor(root, p.name)
	if thread == 0 || p.caller.Load() != thread {
		return false
	}
	f.emitter.recognised.Store(thread)
	return true
}

// probed reports whether name, in the root, is that of the probe.
func (f *FS) probed(ctx context.Context, name string) bool {
	p := f.emitter.probe.Load()
	if p == nil || name != p.name {
		return false
	}
	p.caller.Store(callerOf(ctx).Pid)
	return true
}

// inForce is what can be done of what was asked for. Root may do everything;
// others can set dates of what they own, and the rest only where the modes let
// them write.
func (f *FS) inForce() Notify {
	c := &f.cfg
	switch {
	case c.EmitThread == nil, c.Notify == "", c.Notify == NotifyOff:
		return NotifyOff
	case os.Geteuid() == 0:
		return c.Notify
	case c.UID != c.OwnerUID:
		return NotifyOff
	case c.FileMode&0o200 == 0 || c.DirMode&0o300 != 0o300:
		return NotifyAttrib
	}
	return c.Notify
}
