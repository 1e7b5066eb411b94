package mount

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/fs"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/blocking"
	"infisicalfs/internal/control"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount/internal/reaper"
	"infisicalfs/internal/mounttable"
	"infisicalfs/secret"
)

// Mount is a live mount of this process. All methods are safe for concurrent
// use.
type Mount struct {
	point     string
	volume    string // Config.Volume
	keeper    Keeper
	foreign   bool // somebody else has made the mount; point is only what its descriptor is called
	propagate Propagate
	device    int // number of the FUSE connection, the same in the mount table; 0 if foreign
	rooms     *rooms
	log       *slog.Logger
	unproven  bool        // what another process has known is shown, before this one's login was tried
	private   atomic.Bool // nothing of what is known goes on to a next process
	shows     string      // for people: the root of what is mounted
	notes     []string    // set by New

	watch     func()     // tells watchers from now on, as long as the mount is in the tree
	returning sync.Mutex // held while it is put back into the tree

	control  *control.Server // nil: nobody can ask
	listened chan struct{}   // closed when control is set, or is not going to be

	mayReplace func(from control.Peer, words map[string]string) error // another process may go on with the mount
	offered    sync.Mutex                                             // held while one prepares to
	handing    sync.Mutex                                             // held while it is being decided who serves, and for what follows
	unmounting bool                                                   // nobody goes on with it any more

	supervised atomic.Bool // a service manager has been told of the mount

	legacy     *legacy                        // what the unit's next process has to know, but for what changes; nil: none can go on with the mount
	kept       atomic.Bool                    // the service manager has what the next process needs
	reaper     atomic.Pointer[reaper.Watched] // nil: nobody helps this process to end
	catchingUp sync.WaitGroup                 // a goroutine that asks the server what was not known at the beginning

	letGo chan struct{} // closed when the kernel has let go
	ended chan struct{} // closed when the kernel has let go and all is cleaned up
	err   error         // why it ended; read only after ended

	discarding atomic.Bool      // nothing is sent at the end
	leaving    atomic.Bool      // the mount stays where it is when its connection ends
	sendUntil  func() time.Time // the end of sending at the end; its first call begins the time for it

	closing  sync.Once
	closeErr error // written inside closing
}

// New checks the machine and the mountpoint, removes a dead mount of ours, asks
// the server once for what the mount will show, and mounts. What can go wrong
// goes wrong before anything is mounted, and when New returns the mount answers.
//
// ctx bounds New, not the mount. Errors about the configuration, the mountpoint
// and FUSE are *exitcode.Error; those of the server wrap the sentinels of package secret.
func New(ctx context.Context, cfg Config) (*Mount, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if fd, ok := attach.Descriptor(cfg.Mountpoint); ok {
		return serveForeign(ctx, cfg, fd)
	}
	if err := attach.Possible(cfg.AllowOther); err != nil {
		return nil, err
	}
	if cfg.Replace {
		if top, err := replaced(ctx, cfg); top != nil || err != nil {
			if err != nil {
				return nil, err
			}
			return replace(ctx, cfg, top)
		}
	}
	if cfg.Away != nil {
		return nil, cfg.Away
	}
	log := cfg.logger()
	inspect := attach.Inspect
	if cfg.Hub != nil {
		inspect = attach.InspectOwn
	}
	place, err := inspect(ctx, cfg.Mountpoint)
	if err != nil {
		return nil, err
	}
	point := place.Point
	rooms := wire(cfg, point, time.Now())
	if err := rooms.contact(ctx, cfg); err != nil {
		rooms.close()
		return nil, fmt.Errorf("reading %s: %w", cfg.Root, err)
	}
	m, err := start(ctx, cfg, place, rooms)
	if err != nil {
		rooms.close()
		return nil, err
	}
	err = m.answers(ctx)
	if err == nil {
		m.notes = rooms.notes(ctx, cfg, place)
		if cfg.Hub == nil { // or each of many would ask all others
			m.notes = append(m.notes, stillServed(ctx, point)...)
		}
		m.listen()
	}
	close(m.listened)
	if err != nil {
		m.Close() // says itself what stays behind
		if ctx.Err() != nil {
			return nil, fmt.Errorf("mounting on %s: %w", point, ctx.Err())
		}
		return nil, exitcode.Errorf(exitcode.Mountpoint, "", "%s was mounted but does not answer: %w", point, err)
	}
	log.Info("mounted", "mountpoint", point, "root", cfg.Root.String(), "propagates", rooms.propagation.String())
	if rooms.propagation.Reason != "" && !cfg.readOnly() && attach.MayMount() {
		log.Warn("where the mount propagates to, as in containers with rslave, it can be written through a read-only bind mount", "mountpoint", point, "reason", rooms.propagation.Reason)
	}
	for _, note := range m.notes {
		log.Warn(note, "mountpoint", point)
	}
	return m, nil
}

// start mounts and begins to serve.
func start(ctx context.Context, cfg Config, p attach.Place, rooms *rooms) (*Mount, error) {
	point := p.Point
	fd, release, err := attach.Take(ctx, p, cfg.logger(), func() (int, error) {
		return attach.Mount(ctx, point, source(cfg.Root), cfg.AllowOther, cfg.Propagate)
	})
	if err != nil {
		return nil, err
	}
	defer release()
	m := newMount(cfg, point, rooms)
	if m.device, err = connection(point); err != nil {
		unix.Close(fd)
	} else {
		rooms.inTree = m.stands
		err = rooms.serve(fd, cfg)
	}
	if err != nil {
		m.detachDead()
		return nil, exitcode.Errorf(exitcode.FUSE, "", "%s was mounted but cannot be served: %w", point, err)
	}
	m.watch()
	go m.run()
	return m, nil
}

func newMount(cfg Config, point string, rooms *rooms) *Mount {
	m := &Mount{
		point: point, volume: cfg.Volume, keeper: cfg.keeper(), propagate: cfg.Propagate, rooms: rooms, log: cfg.logger(), shows: cfg.Root.String(),
		sendUntil: sync.OnceValue(func() time.Time { return time.Now().Add(sendFor) }),
		letGo:     make(chan struct{}), ended: make(chan struct{}), listened: make(chan struct{}),
	}
	m.private.Store(cfg.FS.PersonalReadOnly)
	m.mayReplace = m.replaceable(cfg)
	if cfg.outlivable() {
		l := legacyOf(cfg, point)
		m.legacy = &l
	}
	m.watch = func() { rooms.startEmitThread(cfg, point, m.device, func() { go m.goesOn() }) }
	return m
}

// connection returns the number of the FUSE connection behind the mount of ours
// at point.
func connection(point string) (int, error) {
	mounts, err := tableAt(point)
	if err != nil {
		return 0, err
	}
	top := mounts.At(point)
	if !mounttable.Ours(top) {
		return 0, errors.New("the mount table does not have it")
	}
	return top.Minor, nil
}

// run serves until the kernel lets go, whoever unmounted, sends what is only here,
// and cleans up.
func (m *Mount) run() {
	defer close(m.ended)
	elsewhere := m.rooms.session.Serve()
	m.endSession()
	close(m.letGo)
	m.deafen() // the connection's number may be another's any moment
	m.logLost(m.sendUnsent())
	m.catchingUp.Wait()
	m.rooms.close()
	m.rooms.notifier.Close()
	m.rooms.awaitEmitThread()
	if m.rooms.journal != nil {
		defer m.rooms.journal.Close()
	}
	if elsewhere {
		return // watched to the end: the next process waits for it
	}
	m.reaper.Load().Stop()
	m.forgetLegacy()
	m.log.Info("no longer mounted", "mountpoint", m.point)
	if !m.foreign && !m.leaving.Load() && m.inTree() && errors.Is(attach.Probe(context.Background(), m.point), syscall.ENOTCONN) {
		m.err = fmt.Errorf("%s: the kernel ended the connection", m.point)
		m.detachDead()
	}
}

// detachDead takes a mount that nobody serves out of the tree.
func (m *Mount) detachDead() {
	ctx, cancel := context.WithTimeout(context.Background(), blocking.LookTimeout)
	defer cancel()
	if err := attach.Unmount(ctx, m.point, attach.Forcibly); err != nil {
		m.log.Warn("a dead mount stays behind", "mountpoint", m.point, "error", err)
	}
}

// answers waits until the mount has answered a request. The bound is generous:
// a machine under load is no reason to give up.
func (m *Mount) answers(ctx context.Context) error {
	_, err := blocking.Bounded(ctx, 10*blocking.LookTimeout, func() (struct{}, error) {
		return struct{}{}, blocking.Apart(func() error {
			if err := attach.Getattr(m.point, m.device); err != nil {
				return err
			}
			return attach.SettlePoll(m.point)
		})
	})
	return err
}

// getattr asks the mount for the attributes of its root. It may block until
// somebody unmounts by force, but not for longer than this process lives.
func (m *Mount) getattr() error {
	return blocking.Apart(func() error { return attach.Getattr(m.point, m.device) })
}

// inTree reports whether this mount is the topmost at its mountpoint. The kernel
// gives the number of a connection that ended to the next one: after the end of
// this mount the answer may be about its successor, and is no reason to act.
func (m *Mount) inTree() bool {
	device, err := connection(m.point)
	return err == nil && device == m.device
}

// stands reports whether the mount is at its mountpoint, on top or not, as this
// process sees it; true if that cannot be seen.
func (m *Mount) stands() bool {
	mounts, err := tableAt(m.point)
	return err != nil || mounts.Has(m.point, m.device)
}

// tableAt reads the mount table as far as it is about a mount of ours at point, or all of it
// if the path does not lead to one, because a directory on the way is covered or does not
// answer.
func tableAt(point string) (mounttable.Table, error) {
	mounts, err := blocking.Within(context.Background(), func() (mounttable.Table, error) { return mounttable.Leading(point) })
	if err != nil || !mounttable.Ours(mounts.At(point)) {
		return mounttable.Read()
	}
	return mounts, nil
}

// Mountpoint returns the absolute path without symbolic links, or /dev/fd/N.
func (m *Mount) Mountpoint() string { return m.point }

// Counts tells what happened in the mount so far, also after its end. It asks nobody.
func (m *Mount) Counts() fs.Counts { return m.rooms.tree.Counts() }

// Refresh makes everything stale, and forgets what the server has refused: the
// next access asks.
func (m *Mount) Refresh() error { return m.rooms.tree.Refresh() }

// MayRead asks, as [New] does before it mounts, whether the server shows the root to this
// login. A fresh answer of the cache will do.
func (m *Mount) MayRead(ctx context.Context) error { return m.rooms.firstContact(ctx) }

// Answers asks the mount a question, which somebody has to answer, and returns nil when it
// is answered, or [mounttable.ErrNotMounted] if something else is at the mountpoint. It may
// block until somebody unmounts by force, but not for longer than this process lives.
func (m *Mount) Answers() error { return m.getattr() }

// Done is closed when the mount has ended, whoever ended it.
func (m *Mount) Done() <-chan struct{} { return m.ended }

// Wait returns when the mount has ended: nil if somebody unmounted it, an error
// if its connection broke. A mount that was taken out of the tree lazily lives
// until its last user is gone.
func (m *Mount) Wait() error {
	<-m.ended
	return m.err
}

// Notes are what is allowed and yet may not be what was meant, a sentence each.
func (m *Mount) Notes() []string { return m.notes }

func (r *rooms) notes(ctx context.Context, cfg Config, p attach.Place) (list []string) {
	if p.Hides {
		list = append(list, "the mountpoint has content, which is hidden while mounted")
	}
	if mode := r.tree.DirMode(); cfg.AllowOther && mode&0o011 == 0 {
		list = append(list, fmt.Sprintf("other users are let in only as far as modes allow, and directories have %04o: add for example --dir-mode=0555 --mode=0444", mode))
	}
	if len(cfg.Layout.Include) > 0 && !cfg.Unasked {
		f, err := r.layout.Source().Folder(ctx, r.root, secret.NeedListing)
		if err == nil && len(f.Secrets)+len(f.Folders) == 0 {
			list = append(list, "nothing is shown: --include matches no name; its patterns are of the server's names, relative to what is mounted")
		}
	}
	return list
}
