package handover

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/mount/internal/kernelstate"
	"infisicalfs/internal/mount/internal/session"
)

// pair returns two ends of a connection.
func pair(t *testing.T) (a, b *net.UnixConn) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"})
	require.NoError(t, err)
	defer l.Close()
	a, err = net.DialUnix("unix", nil, l.Addr().(*net.UnixAddr))
	require.NoError(t, err)
	b, err = l.AcceptUnix()
	require.NoError(t, err)
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestMessages(t *testing.T) {
	a, b := pair(t)
	d := Document{Format: 1, Connection: 7, Greeting: session.Greeting{Init: []byte{1}, Answer: []byte{2}},
		Kernel: kernelstate.State{Epoch: 3, Nodes: []kernelstate.Node{{ID: 1<<64 - 1, Parent: 1, Name: "a\xff", Lookups: 2}},
			Handles: []kernelstate.Handle{{Number: 1<<63 + 1, Node: 2, Flags: 1 << 31, Version: 1<<63 - 1}}}}
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	go func() { _ = Send(a, Message{Document: &d}, int(w.Fd())); w.Close() }()
	m, fd, err := Receive(b)
	require.NoError(t, err)
	got, err := Read(m)
	require.NoError(t, err)
	require.Equal(t, &d, got, "a name with any bytes, and the largest numbers, too")
	_, err = unix.Write(fd, []byte("x"))
	require.NoError(t, err)
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	require.NoError(t, err)
	require.NotZero(t, flags&unix.FD_CLOEXEC)
	require.NoError(t, unix.Close(fd))

	go Send(a, Message{Word: Ready}, -1)
	require.NoError(t, Await(b, Ready))
	go Send(a, Message{Word: Ready}, -1)
	require.ErrorContains(t, Await(b, Serving), "ready")
	go Send(a, Message{Refusal: &Refusal{"not now", "later"}}, -1)
	require.Equal(t, &Refusal{"not now", "later"}, Await(b, Ready))
	a.Close()
	require.Error(t, Await(b, Ready))
}

// The best version that both know is spoken, and none if there is none.
func TestFormats(t *testing.T) {
	for _, c := range []struct {
		theirs []int
		want   int
	}{{[]int{5, 4, 3, 2, 1}, 4}, {[]int{3, 2, 1}, 3}, {[]int{1}, 1}, {[]int{6, 5}, 0}, {nil, 0}} {
		format, ok := Choose(c.theirs)
		require.Equal(t, c.want != 0, ok)
		require.Equal(t, c.want, format)
	}
	_, err := Read(Message{Document: &Document{Format: 5}})
	require.ErrorContains(t, err, "version 5")
	_, err = Read(Message{})
	require.Error(t, err)
}

// What is no message is an error, and takes no memory.
func TestNoMessage(t *testing.T) {
	for _, text := range []string{"\xff\xff\xff\xff{}", "\x00\x00\x00\x05{}", "\x00\x00\x00\x02[]", "\x00"} {
		a, b := pair(t)
		go func() { a.Write([]byte(text)); a.CloseWrite() }()
		_, fd, err := Receive(b)
		require.Error(t, err, strings.ToValidUTF8(text, "?"))
		require.Equal(t, -1, fd)
	}
}
