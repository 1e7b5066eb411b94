package mount

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/blocking"
	"infisicalfs/internal/control"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount/internal/handover"
	"infisicalfs/internal/mount/internal/kernelstate"
	"infisicalfs/secret"
)

// warmFor is how long reading what is in use may take before the mount is gone on with.
// What is missing then is read when it is used.
const warmFor = 10 * time.Second

// answerFor is how long the process that serves has for each answer, more than all that
// it allows itself. One that is stopped or hangs has not handed over anything then.
const answerFor = 20 * time.Second

// replaced returns the live mount of ours at the mountpoint that cfg wants to be gone on
// with, nil if there is none and a new one has to be made.
func replaced(ctx context.Context, cfg Config) (*mountinfo.Info, error) {
	top, err := findOurs(ctx, cfg.Mountpoint)
	if err != nil {
		return nil, nil // whoever makes a new one says what is wrong with the place
	}
	if err := uncovered(top); err != nil {
		return nil, err
	}
	if errors.Is(attach.Probe(ctx, top.Mountpoint), syscall.ENOTCONN) {
		return nil, nil
	}
	return top, nil
}

// successor is a process that goes on with a mount which another one serves.
type successor struct {
	cfg       Config
	top       *mountinfo.Info
	inherited *inheritance
	rooms     *rooms // nil: what they show is not known yet
	away      error  // the server's; nil: it answers
	patience  time.Duration
}

// replace goes on with a mount that another process serves. All that can go wrong goes
// wrong while that process serves; if anything does, it goes on. See package handover.
func replace(ctx context.Context, cfg Config, top *mountinfo.Info) (*Mount, error) {
	s := &successor{cfg: cfg, top: top, inherited: &inheritance{}, away: cfg.Away, patience: answerFor}
	s.cfg.FS.Inherited, s.cfg.FS.InheritedIn = s.inherited.has, s.inherited.in
	m, err := s.replace(ctx)
	if err != nil {
		if s.rooms != nil {
			s.rooms.close()
		}
		return nil, err
	}
	m.takenOver(ctx)
	return m, nil
}

func (s *successor) replace(ctx context.Context) (*Mount, error) {
	if err := s.contact(ctx); err != nil {
		return nil, err
	}
	asked, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	c, peer, err := control.Open(asked, behind(s.top), callReplace, map[string]string{wordSettings: s.cfg.Settings, wordVersion: s.cfg.Version})
	if err == nil {
		defer c.Close()
		stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) }) // the past
		defer stop()
		if err = sameNamespace(peer.PID); err == nil {
			return s.goOn(ctx, c)
		}
	}
	return nil, notReplaced(err, s.top.Mountpoint)
}

// contact reads what the mount will show. That the server is away is no error yet: the
// process that serves may know it.
func (s *successor) contact(ctx context.Context) error {
	if s.away != nil {
		return nil
	}
	s.rooms = wire(s.cfg, s.top.Mountpoint, time.Now())
	err := s.rooms.contact(ctx, s.cfg)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("reading %s: %w", s.cfg.Root, err)
	if !errors.Is(err, secret.ErrUnavailable) && !errors.Is(err, secret.ErrTimeout) {
		return err
	}
	s.away = err
	return nil
}

// goOn speaks with the process that serves, and serves in its place.
func (s *successor) goOn(ctx context.Context, c *net.UnixConn) (*Mount, error) {
	fail := func(err error) (*Mount, error) { return nil, notReplaced(err, s.top.Mountpoint) }
	if err := handover.Send(c, handover.Message{Hello: handover.Formats}, -1); err != nil {
		return fail(err)
	}
	s.awaitAnswer(ctx, c)
	before, device, err := received(c, s.top.Minor)
	if err != nil {
		return fail(err)
	}
	if s.away != nil && !before.Knows {
		unix.Close(device)
		return nil, s.away
	}
	if s.rooms == nil {
		s.cfg.Root, s.cfg.FS.PersonalReadOnly = before.Root, false // or what is known would stay there
		s.rooms = wire(s.cfg, s.top.Mountpoint, time.Now())
	}
	rooms := s.rooms
	m := newMount(s.cfg, s.top.Mountpoint, rooms)
	m.device, rooms.inTree = s.top.Minor, m.stands
	if err := rooms.goOn(device, s.cfg, before, s.inherited); err != nil {
		return fail(err)
	}
	rooms.tree.Inherit(before.Estate)
	if s.away == nil {
		warm, cancel := context.WithTimeout(ctx, warmFor)
		rooms.kernel.Warm(warm.Done())
		cancel()
	}
	s.awaitAnswer(ctx, c)
	now, known, err := ready(c)
	if err == nil && s.cfg.hasEstate() && now.Estate == nil {
		err = errNoEstate
	}
	if known >= 0 {
		m.takeKnown(known)
	}
	if err != nil {
		rooms.session.Close()
		rooms.notifier.Close()
		return fail(err)
	}
	return m, s.serve(c, m, now)
}

// serve begins to answer, from the state that the mount was left in.
func (s *successor) serve(c *net.UnixConn, m *Mount, now *handover.Document) error {
	rooms := m.rooms
	rooms.kernel.Inherit(&now.Kernel)
	rooms.tree.Inherit(now.Estate)
	// What the kernel was told of sizes and dates may be older than what is read now.
	for _, node := range rooms.kernel.Nodes() {
		rooms.notifier.InodeNotify(node, -1, 0)
	}
	if err := rooms.session.Unblock(); err != nil {
		return notReplaced(err, m.point)
	}
	if s.away != nil {
		life, cancel := context.WithCancel(context.Background())
		m.catchingUp.Go(func() { m.confirm(life) })
		go func() {
			<-m.letGo
			cancel()
		}()
	}
	go m.run()
	go m.forgetPages()
	if err := handover.Send(c, handover.Message{Word: handover.Serving}, -1); err != nil {
		m.log.Warn("the process before was not told that this one serves, and will end it", "mountpoint", m.point, "error", err)
	}
	return nil
}

// awaitAnswer bounds how long the next answer may take. An interrupt ends it too, as before.
func (s *successor) awaitAnswer(ctx context.Context, c *net.UnixConn) {
	_ = c.SetReadDeadline(time.Now().Add(s.patience))
	if ctx.Err() != nil {
		_ = c.SetReadDeadline(time.Unix(1, 0)) // the past
	}
}

// received waits for what the kernel knows, and for the descriptor of its connection.
func received(c *net.UnixConn, connection int) (*handover.Document, int, error) {
	message, device, err := handover.Receive(c)
	var d *handover.Document
	if err == nil {
		d, err = handover.Read(message)
	}
	switch {
	case err != nil:
	case device < 0:
		return nil, -1, errors.New("no descriptor came")
	case d.Connection != connection:
		err = fmt.Errorf("the process serves connection %d and not %d", d.Connection, connection)
	default:
		err = isConnection(device, connection)
	}
	if err != nil && device >= 0 {
		unix.Close(device)
	}
	return d, device, err
}

// ready says that this process can serve, and returns what the kernel knows once the
// other one serves no more, and a descriptor, the caller's to close also after an error, of what
// that has known; negative: nothing.
func ready(c *net.UnixConn) (d *handover.Document, known int, err error) {
	if err := handover.Send(c, handover.Message{Word: handover.Ready}, -1); err != nil {
		return nil, -1, err
	}
	message, known, err := handover.Receive(c)
	if err == nil {
		d, err = handover.Read(message)
	}
	return d, known, err
}

// notReplaced says in the user's words why the mount stays with the process that serves it.
func notReplaced(err error, point string) error {
	if refusal, ok := errors.AsType[*handover.Refusal](err); ok {
		return exitcode.Errorf(exitcode.Mountpoint, refusal.Hint, "not replaced: %w", err)
	}
	if failure, ok := errors.AsType[*control.Error](err); ok {
		return &exitcode.Error{Err: fmt.Errorf("not replaced: %w", err), Hint: failure.Hint, Code: failure.Code}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("not replaced: %w", notAnswering(point))
	}
	hint := "infisicalfs unmount " + point + " and mount again; an older version cannot hand over a mount"
	if errors.Is(err, os.ErrPermission) {
		hint = "do it as the user who mounted"
	}
	return exitcode.Errorf(exitcode.Mountpoint, hint, "the process that serves %s did not hand it over: %w", point, err)
}

// takenOver is what is done once the mount is served here: others can ask this process,
// watchers are told of changes, and the kernel forgets what it had from the one before.
func (m *Mount) takenOver(ctx context.Context) {
	m.watch()
	m.listen()
	close(m.listened)
	// As in answers; about polls the kernel knows from the process before.
	if _, err := blocking.Bounded(ctx, 10*blocking.LookTimeout, func() (struct{}, error) { return struct{}{}, m.getattr() }); err != nil {
		m.log.Warn("the mount does not answer yet", "mountpoint", m.point, "error", err)
	}
	warm, cancel := context.WithTimeout(ctx, warmFor)
	defer cancel()
	m.rooms.kernel.Reopen(warm.Done())
	m.rooms.forgetAll()
	m.rooms.tree.CatchUp()
	m.log.Info("went on with the mount of another process", "mountpoint", m.point, "processes", m.rooms.kernel.Epoch())
}

// inheritance is what the tree asks of what the kernel has from the process before. It
// is asked for the first time when that is known.
type inheritance struct {
	mu     sync.Mutex // guards kernel
	kernel *kernelstate.FS
}

func (i *inheritance) has(node uint64) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.kernel != nil && i.kernel.Inherited(node)
}

func (i *inheritance) in(directory uint64) []string {
	i.mu.Lock()
	kernel := i.kernel
	i.mu.Unlock()
	if kernel == nil {
		return nil
	}
	return kernel.InheritedIn(directory)
}

func (i *inheritance) set(kernel *kernelstate.FS) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.kernel = kernel
}
