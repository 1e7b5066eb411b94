package keeper

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// place is where keepers are, one after the other.
type place struct {
	*testing.T
	path string
}

func newPlace(t *testing.T) *place {
	t.Parallel()
	return &place{t, filepath.Join(t.TempDir(), "keeper", "socket")}
}

// keep starts a keeper, which ends with the test or by end.
func (p *place) keep(k *Keeper) (end func()) {
	p.Helper()
	k.endWithin = time.Millisecond // the processes at the other end are this one, which does not end
	l, err := Listen(p.path)
	require.NoError(p, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- k.Serve(ctx, l) }()
	end = sync.OnceFunc(func() {
		cancel()
		require.NoError(p, <-ended)
	})
	p.Cleanup(end)
	return end
}

// client is one that ends with the test or by Close.
func (p *place) client() *Client {
	p.Helper()
	c, err := Dial(p.Context(), p.path, slog.New(slog.DiscardHandler))
	require.NoError(p, err)
	p.Cleanup(c.end)
	return c
}

// file is a descriptor of a file with a text.
func (p *place) file(text string) int {
	p.Helper()
	fd, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC)
	require.NoError(p, err)
	p.Cleanup(func() { unix.Close(fd) })
	_, err = unix.Pwrite(fd, []byte(text), 0)
	require.NoError(p, err)
	return fd
}

// left is what an earlier process has left, by name.
func (p *place) left(c *Client) map[string]string {
	p.Helper()
	all := map[string]string{}
	for _, d := range c.Received() {
		text := make([]byte, 100)
		n, err := unix.Pread(d.FD, text, 0)
		require.NoError(p, err)
		flags, err := unix.FcntlInt(uintptr(d.FD), unix.F_GETFD, 0)
		require.NoError(p, err)
		require.Equal(p, unix.FD_CLOEXEC, flags)
		require.NoError(p, unix.Close(d.FD))
		all[d.Name] = string(text[:n])
	}
	return all
}

// dial is a connection without a client.
func (p *place) dial() *net.UnixConn {
	p.Helper()
	c, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: p.path, Net: "unixpacket"})
	require.NoError(p, err)
	p.Cleanup(func() { c.Close() })
	return c
}

// What one process leaves the next one is handed, and what came last under a name.
func TestKept(t *testing.T) {
	p := newPlace(t)
	p.keep(new(Keeper))
	c := p.client()
	require.Empty(t, p.left(c))
	require.NoError(t, c.Store("a", p.file("1")))
	require.NoError(t, c.Store("b", p.file("2")))
	require.NoError(t, c.Store("gone", p.file("3")))
	require.NoError(t, c.Replace("b", p.file("4")))
	require.NoError(t, c.Forget("gone"))
	require.NoError(t, c.Forget("never there"))
	followed, err := c.Followed(t.Context(), 1)
	require.NoError(t, err)
	require.True(t, followed)
	c.Close()
	require.ErrorIs(t, c.Store("late", p.file("")), net.ErrClosed)
	for range 2 { // what it does not change stays
		c = p.client()
		require.Equal(t, map[string]string{"a": "1", "b": "4"}, p.left(c))
		require.Empty(t, p.left(c), "once")
		c.Close()
	}
	info, err := os.Stat(filepath.Dir(p.path))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	info, err = os.Stat(p.path)
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077)
}

// Only one process owns what is kept; others wait until it ends, and not for ever.
func TestOneOwner(t *testing.T) {
	p := newPlace(t)
	p.keep(new(Keeper))
	first := p.client()
	require.NoError(t, first.Store("a", p.file("1")))
	_, _, err := dial(t.Context(), p.path, 10*time.Millisecond)
	require.ErrorIs(t, err, ErrOwned)
	tired, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Dial(tired, p.path, slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, context.Canceled)

	waiting := p.dial()
	require.NoError(t, send(waiting, -1, wordOwn))
	m, err := receive(waiting)
	require.NoError(t, err)
	require.True(t, m.words[wordWait])
	second := make(chan *Client)
	go func() { second <- p.client() }()
	waiting.Close() // gives up, and is passed over
	require.NoError(t, first.Store("b", p.file("2")))
	first.Close()
	require.Equal(t, map[string]string{"a": "1", "b": "2"}, p.left(<-second))
}

// A keeper that is started anew is left everything by the plugin that runs.
func TestKeeperIsReplaced(t *testing.T) {
	p := newPlace(t)
	end := p.keep(new(Keeper))
	c := p.client()
	require.NoError(t, c.Store("a", p.file("1")))
	require.NoError(t, c.Store("gone", p.file("")))
	end()
	require.Eventually(t, func() bool { followed, err := c.Followed(t.Context(), 1); return err == nil && !followed }, 20*time.Second, time.Millisecond)
	require.NoError(t, c.Store("b", p.file("2")))
	require.NoError(t, c.Forget("gone"))
	p.keep(new(Keeper))
	p.back(c)
	c.Close()
	require.Equal(t, map[string]string{"a": "1", "b": "2"}, p.left(p.client()))
}

// back waits until there is a keeper.
func (p *place) back(c *Client) {
	p.Helper()
	require.Eventually(p, func() bool { followed, err := c.Followed(p.Context(), 1); return err == nil && followed }, 20*time.Second, time.Millisecond)
}

// A plugin that has begun without a keeper is not told what one comes with later: it has gone on with none of it, and has
// it let go of that.
func TestLateKeeper(t *testing.T) {
	p := newPlace(t)
	c := p.client()
	require.Empty(t, c.Received())
	require.NoError(t, c.Store("a", p.file("mine")))
	p.keep(new(Keeper))
	p.back(c)
	c.Close()

	c = p.client()
	require.Equal(t, map[string]string{"a": "mine"}, p.left(c))
	require.NoError(t, c.Store("left", p.file("by another")))
	c.Close()
	l, left, err := dial(t.Context(), p.path, 0)
	require.NoError(t, err)
	late := &Client{turn: make(chan struct{}, 1), kept: map[string]int{"a": p.file("newer")}, log: slog.New(slog.DiscardHandler)}
	require.True(t, late.leaveAll(l, left))
	l.Close()
	require.Equal(t, map[string]string{"a": "newer"}, p.left(p.client()))
}

// Nobody waits for ever: without a plugin what is kept is let go of.
func TestHold(t *testing.T) {
	p := newPlace(t)
	p.keep(&Keeper{Hold: 20 * time.Millisecond})
	c := p.client()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, c.Store("a", int(w.Fd())))
	require.NoError(t, w.Close())
	c.Close()
	require.NoError(t, r.SetReadDeadline(time.Now().Add(20*time.Second)))
	_, err = r.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "nobody has the other end any more")
	require.Empty(t, p.left(p.client()))
}

// What is too much, or no message, is refused, by a word where there is somebody to hear it, and nothing of it stays open.
func TestRefused(t *testing.T) {
	p := newPlace(t)
	p.keep(&Keeper{Limit: 2})
	c := p.client()
	require.NoError(t, c.Store("a", p.file("1")))
	require.NoError(t, c.Store("b", p.file("2")))
	require.ErrorContains(t, c.Store("c", p.file("3")), "no room")
	require.NoError(t, c.Store("b", p.file("4")), "in the place of another")
	for _, name := range []string{"", "a:b", "a\nb", "ü", strings.Repeat("x", 256)} {
		require.Error(t, c.Store(name, p.file("")), "%q", name)
	}
	l := c.now()
	for _, words := range [][]string{{"FDSTORE=1", "FDNAME=x"}, {"FDSTORE=1"}, {"FDNAME=a"}, {"FDSTORE=1", "FDNAME=a:b"}, {strings.Repeat("x", 4096)}} {
		fault, err := l.ask(-1, words...)
		require.NoError(t, err, "%q", words)
		require.NotEmpty(t, fault, "%q", words)
	}
	c.Close()
	require.Equal(t, map[string]string{"a": "1", "b": "4"}, p.left(p.client()))
}

// Several descriptors in one message are none.
func TestTooManyDescriptors(t *testing.T) {
	p := newPlace(t)
	p.keep(new(Keeper))
	c := p.dial()
	require.NoError(t, send(c, -1, wordOwn))
	m, err := receive(c)
	require.NoError(t, err)
	require.True(t, m.words[wordReady])
	for _, count := range []int{2, 10} {
		var fds []int
		for range count {
			fds = append(fds, p.file("x"))
		}
		_, _, err = c.WriteMsgUnix([]byte("FDSTORE=1\nFDNAME=a"), unix.UnixRights(fds...), nil)
		require.NoError(t, err)
		m, err = receive(c)
		require.NoError(t, err)
		require.NotEmpty(t, m.fault)
	}
	c.Close()
	require.Empty(t, p.left(p.client()))
}

// Who says nothing, or the wrong thing, is sent away; too many are not listened to; and the plugin notices nothing of them.
func TestPeers(t *testing.T) {
	p := newPlace(t)
	p.keep(&Keeper{greetWithin: 500 * time.Millisecond})
	wrong := p.dial()
	require.NoError(t, send(wrong, p.file("x"), wordStore, "FDNAME=a"))
	_, err := receive(wrong)
	require.ErrorIs(t, err, io.EOF)
	var silent []*net.UnixConn
	for range maxPeers + 4 {
		silent = append(silent, p.dial())
	}
	_, err = receive(silent[maxPeers])
	require.True(t, errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET), "%v", err)
	require.NoError(t, silent[0].SetReadDeadline(time.Now().Add(30*time.Second)))
	_, err = receive(silent[0])
	require.ErrorIs(t, err, io.EOF, "after a while")
	require.Empty(t, p.left(p.client()))
}
