package session

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Session is one connection and the server that answers on it at the moment. It is
// safe for concurrent use.
type Session struct {
	device   int // kept open; the server reads from another descriptor of the same open file
	greeting Greeting
	raw      fuse.RawFileSystem
	options  *fuse.MountOptions

	server atomic.Pointer[fuse.Server]
	closed atomic.Bool

	mu       sync.Mutex    // guards what follows
	changed  chan struct{} // closed when something of it changes, and replaced
	begun    bool          // Serve was called
	running  int           // servers that have not ended: two, if one did not end in time to be drained
	draining bool          // a server that ends is no sign that the connection has
	left     bool
}

// initSize is more than the kernel ever wants for its first request: before that is
// answered it refuses to be read from with less than 8 KiB. A process may have a
// thousand mounts, so it is not much more.
const initSize = 16 << 10

// Begin reads the kernel's first request from device, a descriptor of a new
// connection, has a server for raw answer it, and passes the answer on. The descriptor
// becomes the session's, and is closed if there is an error.
func Begin(device int, raw fuse.RawFileSystem, options *fuse.MountOptions) (*Session, error) {
	s := newSession(device, raw, options)
	request := make([]byte, initSize)
	n, err := unix.Read(device, request)
	if err == nil {
		s.greeting.Init = bytes.Clone(request[:n])
		s.greeting.Answer, err = s.greet()
	}
	if err == nil {
		_, err = unix.Write(device, s.greeting.Answer)
	}
	if err == nil {
		err = s.attach()
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("beginning the FUSE connection: %w", err)
	}
	return s, nil
}

// ErrOtherFeatures means that this program would agree with the kernel on other
// features than the one before it has.
var ErrOtherFeatures = errors.New("this version uses other features of the kernel than the one that serves the mount")

// Continue prepares to serve a connection that another process has greeted. Nothing is
// read before Serve. The error is [ErrOtherFeatures] if the greeting would be answered
// differently; device becomes the session's all the same, and is closed then.
func Continue(device int, greeting Greeting, raw fuse.RawFileSystem, options *fuse.MountOptions) (*Session, error) {
	s := newSession(device, raw, options)
	s.greeting = greeting
	err := s.again()
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func newSession(device int, raw fuse.RawFileSystem, options *fuse.MountOptions) *Session {
	return &Session{device: device, raw: raw, options: options, changed: make(chan struct{})}
}

// again gives a new server the old greeting.
func (s *Session) again() error {
	answer, err := s.greet()
	if err == nil && !bytes.Equal(answer, s.greeting.Answer) {
		err = ErrOtherFeatures
	}
	if err == nil {
		err = s.attach()
	}
	return err
}

// greet makes a server that has been told the kernel's first request, and returns its
// answer. The server's descriptor is a socket then.
func (s *Session) greet() (answer []byte, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(pair[1])
	if _, err := unix.Write(pair[1], s.greeting.Init); err != nil {
		unix.Close(pair[0])
		return nil, err
	}
	server, err := fuse.NewServer(s.raw, fmt.Sprintf("/dev/fd/%d", pair[0]), s.options)
	if err != nil { // the server has closed its end
		return nil, err
	}
	makePages(server)
	s.server.Store(server)
	answer = make([]byte, 4096)
	n, err := unix.Read(pair[1], answer)
	return answer[:max(n, 0)], err
}

// attach puts the device in the place of the socket.
func (s *Session) attach() error {
	return s.redirect(s.device)
}

// redirect puts another open file in the place of the one that the server reads from and
// answers to. A server that has ended stays without.
func (s *Session) redirect(to int) error {
	return held(s.server.Load(), func(fd int) error { return unix.Dup3(to, fd, unix.O_CLOEXEC) })
}

// Serve answers requests until the kernel ends the connection, or until Leave; it
// reports true after Leave.
func (s *Session) Serve() (left bool) {
	s.launch()
	s.change(func() { s.begun = true })
	for {
		over, left, changed := s.state()
		if over || left {
			return left
		}
		<-changed
	}
}

// launch has the newest server begin.
func (s *Session) launch() {
	s.change(func() { s.running++ })
	server := s.server.Load()
	go func() {
		server.Serve()
		s.change(func() { s.running-- })
	}()
}

// change calls do with the lock held and tells whoever waits.
func (s *Session) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	close(s.changed)
	s.changed = make(chan struct{})
}

// state reports whether nothing is served any more because the connection has ended,
// whether it was left, and what is closed when that may be different.
func (s *Session) state() (over, left bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running == 0 && !s.draining, s.left, s.changed
}

// quiet reports whether no server runs any more, and what is closed when that may be
// different.
func (s *Session) quiet() (quiet bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun && s.running == 0, s.changed
}

// connected reports whether the kernel still has the mount.
func connected(device int) bool {
	fds := []unix.PollFd{{Fd: int32(device), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, 0)
		if err != unix.EINTR {
			return err == nil && fds[0].Revents&(unix.POLLERR|unix.POLLNVAL) == 0
		}
	}
}

// Drain stops reading requests, and reports whether within limit all that were read
// have been answered and the connection lives. What comes meanwhile waits in the
// kernel, so Resume or Leave has to follow, soon, whatever Drain reports.
//
// A read that waits for a request does not look at O_NONBLOCK again before it is
// disturbed, which a signal does. The Go runtime uses SIGURG for its own threads and
// restarts what it interrupts; the restarted read finds that it must not wait.
func (s *Session) Drain(limit time.Duration) bool {
	s.change(func() { s.draining = true })
	if err := block(s.device, false); err != nil {
		return false
	}
	over := time.NewTimer(limit)
	defer over.Stop()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		quiet, changed := s.quiet()
		if quiet {
			return connected(s.device)
		}
		disturbThreads()
		select {
		case <-changed:
		case <-over.C:
			return false
		case <-again.C:
		}
	}
}

// disturbing is held by who disturbs threads: where many sessions are drained at once, one
// does it for all, and who finds it held comes again.
var disturbing sync.Mutex

// disturbThreads sends a harmless signal to all threads of this process.
func disturbThreads() {
	if !disturbing.TryLock() {
		return
	}
	defer disturbing.Unlock()
	threads, _ := os.ReadDir("/proc/self/task")
	for _, thread := range threads {
		if id, err := strconv.Atoi(thread.Name()); err == nil {
			_ = unix.Tgkill(unix.Getpid(), id, unix.SIGURG) // one that has ended needs none
		}
	}
}

// Resume goes on serving after Drain. A server that is still at a request goes on
// with that.
func (s *Session) Resume() error {
	err := s.Unblock()
	if err == nil {
		err = s.again()
	}
	if err == nil {
		s.launch()
	}
	s.change(func() { s.draining = false })
	return err
}

// Resend has the kernel ask again all that was read from the connection and not
// answered: FUSE_NOTIFY_RESEND, since Linux 6.9. Nothing may be served meanwhile.
func (s *Session) Resend() error {
	const code, size = 7, 16
	message := binary.NativeEndian.AppendUint32(nil, size)
	message = binary.NativeEndian.AppendUint32(message, code)
	_, err := unix.Write(s.device, binary.NativeEndian.AppendUint64(message, 0))
	return err
}

// Resends reports whether the kernel can do what [Session.Resend] asks for.
func (s *Session) Resends() bool {
	// The second half of the flags in struct fuse_init_in, behind the header and four
	// numbers, has FUSE_HAS_RESEND, the 39th of both.
	const at, flag = 40 + 4*4, 1 << (39 - 32)
	init := s.greeting.Init
	return len(init) >= at+4 && binary.NativeEndian.Uint32(init[at:])&flag != 0
}

// Leave has Serve return after a successful Drain: another process serves.
func (s *Session) Leave() { s.change(func() { s.left = true }) }

// Abandon is Leave after a Drain that did not succeed: what was read and is not answered
// yet is not answered here any more. The next process has to call Resend.
func (s *Session) Abandon() error {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(null)
	if err := s.redirect(null); err != nil {
		return err
	}
	s.Leave()
	return nil
}

// Connected reports whether the kernel still has the mount.
func (s *Session) Connected() bool { return connected(s.device) }

// Left reports whether Leave was called.
func (s *Session) Left() bool {
	_, left, _ := s.state()
	return left
}

// Unblock undoes what Drain in another process has done to the open file, which both
// have: else every reader would end at once. It is to be called before Serve.
func (s *Session) Unblock() error { return block(s.device, true) }

// block says whether reading from the device waits for a request.
func block(device int, wait bool) error {
	flags, err := unix.FcntlInt(uintptr(device), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	flags |= unix.O_NONBLOCK
	if wait {
		flags &^= unix.O_NONBLOCK
	}
	_, err = unix.FcntlInt(uintptr(device), unix.F_SETFL, flags)
	return err
}

// Close gives the connection up: it ends, unless another process has it. Serve has
// returned, or was not called.
func (s *Session) Close() {
	if s.closed.Swap(true) {
		return
	}
	unix.Close(s.device)
}
