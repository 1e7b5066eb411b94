//go:build linux

package control

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// number is of no connection: the kernel's end at 2^20.
func number(t *testing.T) Target {
	t.Helper()
	return Target{1<<20 + os.Getpid(), os.Geteuid()}
}

func serve(t *testing.T, at Target, calls map[string]Call) *Server {
	t.Helper()
	s, err := Serve(at.Connection, calls, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return s
}

func TestAQuestionIsAnswered(t *testing.T) {
	at := number(t)
	s := serve(t, at, map[string]Call{
		"echo": func(_ context.Context, from Peer, params map[string]string) (any, error) {
			return map[string]any{"said": params["say"], "uid": from.UID, "pid": from.PID}, nil
		},
		"no": func(context.Context, Peer, map[string]string) (any, error) {
			return nil, &Error{"not today", "come tomorrow", 8}
		},
		"broken": func(context.Context, Peer, map[string]string) (any, error) { return nil, errors.New("broken") },
	})
	var got struct {
		Said     string
		UID, PID int
	}
	peer, err := Ask(t.Context(), at, "echo", map[string]string{"say": "a\nb"}, &got)
	require.NoError(t, err)
	require.Equal(t, Peer{uint32(os.Geteuid()), os.Getpid()}, peer)
	require.Equal(t, "a\nb", got.Said)
	require.Equal(t, os.Geteuid(), got.UID)
	require.Equal(t, os.Getpid(), got.PID)

	_, err = Ask(t.Context(), at, "no", nil, nil)
	failure, _ := errors.AsType[*Error](err)
	require.Equal(t, &Error{"not today", "come tomorrow", 8}, failure)
	_, err = Ask(t.Context(), at, "broken", nil, nil)
	require.ErrorContains(t, err, "broken")
	_, err = Ask(t.Context(), at, "unheard of", nil, nil)
	require.ErrorContains(t, err, "this version has no answer to that")
	require.Contains(t, List(), at)

	s.Close()
	_, err = Ask(t.Context(), at, "echo", nil, nil)
	require.ErrorIs(t, err, ErrNoSocket)
	require.NotContains(t, List(), at)
}

// The kernel gives a number again: the end of the one that had it leaves the other
// alone.
func TestTwoWithOneNumber(t *testing.T) {
	at := number(t)
	say := func(text string) map[string]Call {
		return map[string]Call{"who": func(context.Context, Peer, map[string]string) (any, error) { return text, nil }}
	}
	first := serve(t, at, say("first"))
	second := serve(t, at, say("second"))
	defer second.Close()
	first.Close()
	var got string
	_, err := Ask(t.Context(), at, "who", nil, &got)
	require.NoError(t, err)
	require.Equal(t, "second", got)
}

// What a killed process leaves behind neither answers nor is in the way.
func TestWhatAKilledProcessLeft(t *testing.T) {
	at := number(t)
	dir, err := own()
	require.NoError(t, err)
	defer dir.close()
	left, err := net.Listen("unix", dir.address(socketName(at.Connection)))
	require.NoError(t, err)
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, left.Close())
	_, err = Ask(t.Context(), at, "echo", nil, nil)
	require.ErrorIs(t, err, ErrNoSocket)

	s := serve(t, at, map[string]Call{"echo": func(context.Context, Peer, map[string]string) (any, error) { return "well", nil }})
	defer s.Close()
	var got string
	_, err = Ask(t.Context(), at, "echo", nil, &got)
	require.NoError(t, err)
	require.Equal(t, "well", got)
}

// A socket whose process is gone is cleared away by the next mount; one that is
// being made is left alone.
func TestSweep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	require.NoError(t, os.Mkdir(path, 0o700))
	dir, err := enter(path, os.Geteuid())
	require.NoError(t, err)
	defer dir.close()
	for name, age := range map[string]time.Duration{"1.a.sock": 2 * listeningBy, "2.a.sock": 0, "3.a.sock": 2 * listeningBy, "notes": 2 * listeningBy} {
		l, err := net.Listen("unix", dir.address(name))
		require.NoError(t, err)
		then := time.Now().Add(-age)
		require.NoError(t, os.Chtimes(filepath.Join(path, name), then, then))
		if name == "3.a.sock" {
			defer l.Close()
			continue
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		require.NoError(t, l.Close())
	}
	dir.sweep()
	left := dir.names()
	slices.Sort(left)
	require.Equal(t, []string{"2.a.sock", "3.a.sock", "notes"}, left)
}

// A process with many mounts looks for what others have left now and then, and not for each.
func TestSweepingIsNotRepeatedForEachMount(t *testing.T) {
	s, now := sweeps{at: map[string]time.Time{}}, time.Now()
	times := 0
	for range 1000 {
		if s.due("/run/infisicalfs", now) {
			times++
		}
		now = now.Add(100 * time.Millisecond)
	}
	require.Equal(t, 2, times, "in 100 seconds")
	require.True(t, s.due("/tmp/infisicalfs-0", now), "another directory")
}

// Who gives up is not kept waiting, and his question ends.
func TestGivingUp(t *testing.T) {
	at := number(t)
	asked, ended := make(chan struct{}), make(chan struct{})
	s := serve(t, at, map[string]Call{"wait": func(ctx context.Context, _ Peer, _ map[string]string) (any, error) {
		close(asked)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	}})
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	_, err := Ask(ctx, at, "wait", nil, nil)
	require.ErrorIs(t, err, context.Canceled)
	<-ended
}

func TestADirectoryOfOthersIsNotUsed(t *testing.T) {
	base := t.TempDir()
	make := func(name string, mode os.FileMode) string {
		path := filepath.Join(base, name)
		require.NoError(t, os.Mkdir(path, 0o700))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	dir, err := enter(make("mine", 0o700), os.Geteuid())
	require.NoError(t, err)
	dir.close()
	_, err = enter(make("open", 0o710), os.Geteuid())
	require.ErrorContains(t, err, "is not a directory of user")
	_, err = enter(make("else", 0o700), os.Geteuid()+1)
	require.ErrorContains(t, err, "is not a directory of user")
	link := filepath.Join(base, "link")
	require.NoError(t, os.Symlink(filepath.Join(base, "mine"), link))
	_, err = enter(link, os.Geteuid())
	require.Error(t, err)
	require.True(t, errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP), "%v", err)
}

// The answers are for who mounted, and for root, whoever else gets hold of the socket.
func TestOthersGetNoAnswer(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("REQUIRE_FUSE") != "" {
			t.Fatal("not root")
		}
		t.Skip("not root")
	}
	// Not root asks root's: the kernel notes who connects.
	at := number(t)
	s := serve(t, at, map[string]Call{"echo": func(context.Context, Peer, map[string]string) (any, error) { return "secret", nil }})
	defer s.Close()
	var text []byte
	done := make(chan error)
	go func() {
		done <- asUser(65534, func() error {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			if err := unix.Connect(fd, &unix.SockaddrUnix{Name: s.dir.path + "/" + s.name}); err != nil {
				return err
			}
			if _, err := unix.Write(fd, []byte("POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}")); err != nil {
				return err
			}
			text = make([]byte, 4096)
			n, err := unix.Read(fd, text)
			text = text[:max(n, 0)]
			return err
		})
	}()
	require.NoError(t, <-done)
	require.Contains(t, string(text), "403")
	require.NotContains(t, string(text), "secret")
}

func TestPlaces(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "relative")
	for _, uid := range []int{0, os.Geteuid(), 4711} {
		list := socketDirs(uid)
		require.NotEmpty(t, list)
		require.False(t, slices.ContainsFunc(list, func(p string) bool { return !filepath.IsAbs(p) }), "%q", list)
	}
	require.Equal(t, "/run/infisicalfs", socketDirs(0)[0])
	require.Equal(t, "/run/user/4711/infisicalfs", socketDirs(4711)[0])
}

// A call can go on with the connection, on which descriptors go along too; and it can
// be refused as any.
func TestAStream(t *testing.T) {
	at := number(t)
	s := serve(t, at, map[string]Call{
		"echo": func(_ context.Context, _ Peer, words map[string]string) (any, error) {
			return Stream(func(c *net.UnixConn) {
				defer c.Close()
				said := make([]byte, 5)
				if _, err := io.ReadFull(c, said); err == nil {
					_, _ = io.WriteString(c, words["before"]+string(said))
				}
			}), nil
		},
		"no":    func(context.Context, Peer, map[string]string) (any, error) { return nil, &Error{"not today", "", 8} },
		"plain": func(context.Context, Peer, map[string]string) (any, error) { return "text", nil },
	})
	defer s.Close()
	c, peer, err := Open(t.Context(), at, "echo", map[string]string{"before": "you said: "})
	require.NoError(t, err)
	require.Equal(t, os.Getpid(), peer.PID)
	_, err = io.WriteString(c, "hello")
	require.NoError(t, err)
	text, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "you said: hello", string(text))
	require.NoError(t, c.Close())

	_, _, err = Open(t.Context(), at, "no", nil)
	require.ErrorContains(t, err, "not today")
	_, _, err = Open(t.Context(), at, "plain", nil)
	require.ErrorContains(t, err, "no connection")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = Open(ctx, at, "echo", nil)
	require.Error(t, err)
}
