package fs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// openFile is what the model does to one open file. The errors are errnos.
type openFile interface {
	write(p string, off int) error
	truncate(size int) error
	fsync(interruptedAfter time.Duration) error // 0: it is not
	closeCopy(interruptedAfter time.Duration) error
	closeLast() error
}

// model plays threads of one process that share an open file, on a server that
// comes and goes. It knows each text that the file has had, and checks every 0.
type model struct {
	t    testing.TB
	w    *world
	name string // of the secret
	file openFile

	mu      sync.Mutex // guards what follows; held during a write, so that texts are in order
	random  *rand.Rand
	texts   []string // what the file's text was, one for each change; the first is that of open
	emptied bool     // the file was emptied by opening, and nothing was written since
	part    bool     // a write was refused: what there is of the text is no whole
	zeros   int      // acknowledgements that were checked
	told    []string // what happened, for whoever has to find out why it is wrong
}

func (m *model) tell(format string, args ...any) {
	m.told = append(m.told, fmt.Sprintf(format, args...))
}

// below returns a random number.
func (m *model) below(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.random.IntN(n)
}

// pause lets others go on for some time.
func (m *model) pause(max time.Duration) { <-time.After(time.Duration(m.below(int(max)))) }

// act is one random system call.
func (m *model) act() {
	switch n := m.below(10); {
	case n < 4:
		m.write()
	case n < 5:
		m.truncate()
	case n < 7:
		m.acknowledge("fsync", func() error { return m.file.fsync(0) })
	case n < 8:
		m.acknowledge("interrupted fsync", func() error { return m.file.fsync(time.Duration(1 + m.below(int(10*time.Millisecond)))) })
	case n < 9:
		m.acknowledge("close", func() error { return m.file.closeCopy(0) })
	default:
		m.acknowledge("interrupted close", func() error { return m.file.closeCopy(time.Duration(1 + m.below(int(10*time.Millisecond)))) })
	}
}

func (m *model) write() {
	m.mu.Lock()
	defer m.mu.Unlock()
	text := m.texts[len(m.texts)-1]
	off := m.random.IntN(len(text) + 1)
	piece := fmt.Sprintf("<%d.%d>", len(m.texts), m.random.IntN(100))
	bad := m.random.IntN(20) == 0
	if bad {
		piece += "\xff"
	}
	err := m.file.write(piece, off)
	m.tell("write %q at %d: %v", piece, off, err)
	switch {
	case bad:
		require.Equal(m.t, syscall.EILSEQ, err, "what no text can have is refused at once")
		m.part = true
	case err == nil:
		m.changed(text[:off] + piece + text[min(len(text), off+len(piece)):])
	}
}

func (m *model) truncate() {
	m.mu.Lock()
	defer m.mu.Unlock()
	text := m.texts[len(m.texts)-1]
	size := m.random.IntN(len(text) + 1)
	err := m.file.truncate(size)
	m.tell("truncate to %d: %v", size, err)
	if err == nil {
		m.changed(text[:size])
		m.part = m.part && size > 0
	}
}

func (m *model) changed(text string) {
	m.texts = append(m.texts, text)
	m.emptied = false
}

// acknowledge makes a call whose 0 is a promise: the server has a text that the
// file has had since the call began.
func (m *model) acknowledge(what string, call func() error) {
	m.mu.Lock()
	since, emptied, part := len(m.texts)-1, m.emptied, m.part
	m.tell("%s begins, text %d", what, since)
	m.mu.Unlock()

	err := call()

	m.mu.Lock()
	defer m.mu.Unlock()
	m.tell("%s of text %d or later: %v", what, since, err)
	if err != nil || emptied {
		return
	}
	m.zeros++
	stored, _ := m.w.Own(dev, m.name)
	for _, text := range m.texts[since:] {
		if stored.Value.Reveal() == text && !(part && m.part) {
			return
		}
	}
	m.t.Errorf("%s returned 0, and the server has %q, none of %q (a part: %v)\n%s",
		what, stored.Value.Reveal(), m.texts[since:], part, strings.Join(m.told, "\n"))
}

// weather is what happens to the server and the way to it. It waits for nobody
// who may be waiting for the server.
func (m *model) weather(random *rand.Rand, until <-chan struct{}) {
	for {
		select {
		case <-until:
			m.w.Hang(false)
			return
		case <-time.After(time.Duration(random.IntN(int(5 * time.Millisecond)))):
		}
		switch random.IntN(8) {
		case 0:
			m.w.Hang(true)
		case 1:
			m.fail(m.w.FailWrites, secret.ErrUnavailable)
		case 2:
			m.fail(m.w.FailWritesLate, secret.ErrTimeout) // the answer is lost
		case 3:
			m.w.Delay(time.Duration(random.IntN(int(4 * time.Millisecond))))
		default:
			m.w.Hang(false)
			m.fail(m.w.FailWrites, nil)
			m.w.Delay(0)
		}
	}
}

func (m *model) fail(how func(secrettest.Kind, error), err error) {
	how(secrettest.KindUpdate, err)
	how(secrettest.KindCreate, err)
}

// run lets threads act, closes the file, and looks for the text.
func (m *model) run(threads, acts int) {
	end := make(chan struct{})
	var all, sky sync.WaitGroup
	random := rand.New(rand.NewPCG(m.random.Uint64(), 0))
	sky.Go(func() { m.weather(random, end) })
	for range threads {
		all.Go(func() {
			for range acts {
				m.act()
				m.pause(3 * time.Millisecond)
			}
		})
	}
	all.Wait()
	close(end)
	sky.Wait()
	m.acknowledge("last close", m.file.closeLast)

	last := m.texts[len(m.texts)-1]
	stored, _ := m.w.Own(dev, m.name)
	if last == "" || stored.Value.Reveal() == last {
		return
	}
	for _, kept := range m.w.rejectedTexts() {
		if kept == last {
			return
		}
	}
	m.t.Errorf("the text %q is lost: the server has %q, and kept is %q\n%s", last, stored.Value.Reveal(), m.w.rejectedTexts(), strings.Join(m.told, "\n"))
}

// directHandle is a handle without a kernel.
type directHandle struct{ h *writeHandle }

func (d directHandle) context(interruptedAfter time.Duration) context.Context {
	cancel := make(chan struct{})
	caller := fuse.Caller{Pid: uint32(os.Getpid()), Owner: fuse.Owner{Uid: uint32(os.Getuid())}}
	if interruptedAfter > 0 {
		caller.Pid = 0 // who it is cannot be found out, so the interruption is meant
		time.AfterFunc(interruptedAfter, func() { close(cancel) })
	}
	return &fuse.Context{Caller: caller, Cancel: cancel}
}

func (d directHandle) write(p string, off int) error {
	_, errno := d.h.Write(d.context(0), []byte(p), int64(off))
	return asError(errno)
}

func (d directHandle) truncate(size int) error {
	return asError(d.h.truncate(d.context(0), uint64(size)))
}

func (d directHandle) fsync(after time.Duration) error {
	return asError(d.h.Fsync(d.context(after), 0))
}

func (d directHandle) closeCopy(after time.Duration) error {
	return asError(d.h.Flush(d.context(after)))
}

func (d directHandle) closeLast() error {
	errno := d.h.Flush(d.context(0))
	d.h.Release(d.context(0))
	return asError(errno)
}

func asError(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

// Whatever threads, signals, stops of the server and lost answers do: a close or
// fsync that returned 0 has stored exactly this text, and no text is lost.
func TestAcknowledgedMeansStored(t *testing.T) {
	zeros := 0
	for seed := range uint64(400) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, k := alone(t)
				w.Set(dev, "GREETING", "hello_world")
				m := &model{t: t, w: w, name: "GREETING", random: rand.New(rand.NewPCG(seed, 0)), texts: []string{"hello_world"}}
				flags := syscall.O_WRONLY
				switch seed % 3 {
				case 0:
					m.emptied, m.texts[0] = true, ""
					flags |= syscall.O_TRUNC
				case 1:
					m.emptied, m.texts[0], m.name = true, "", "NEW"
				}
				_, err := k.CreateFile("demo/dev/"+m.name, flags, 0o644)
				require.NoError(t, err)
				m.file = directHandle{w.drafts.of(dev, m.name)[0]}
				m.run(3, 8)
				zeros += m.zeros
			})
		})
	}
	require.Greater(t, zeros, 1000, "most of the calls fail, and nothing is known about 0")
}

// mountedFile is an open file of the kernel.
type mountedFile struct{ fd int }

func (f mountedFile) write(p string, off int) error {
	_, err := unix.Pwrite(f.fd, []byte(p), int64(off))
	return err
}

func (f mountedFile) truncate(size int) error { return unix.Ftruncate(f.fd, int64(size)) }

func (f mountedFile) fsync(time.Duration) error { return unix.Fsync(f.fd) }

func (f mountedFile) closeCopy(time.Duration) error {
	fd, err := unix.Dup(f.fd)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func (f mountedFile) closeLast() error { return unix.Close(f.fd) }

// The same with a kernel.
func TestAcknowledgedMeansStoredMounted(t *testing.T) {
	w := newWorld(writing)
	t.Cleanup(w.Close)
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	for seed := range uint64(10) {
		w.Set(dev, "GREETING", "hello_world")
		fd, err := unix.Open(mnt+"/demo/dev/GREETING", unix.O_RDWR|unix.O_CLOEXEC, 0)
		require.NoError(t, err)
		m := &model{t: t, w: w, name: "GREETING", random: rand.New(rand.NewPCG(seed, 1)), texts: []string{"hello_world"}, file: mountedFile{fd}}
		m.run(3, 8)
		m.fail(w.FailWrites, nil)
		w.Delay(0)
		require.Eventually(t, func() bool { return w.Counts().Open == 0 }, time.Minute, time.Millisecond)
	}
}
