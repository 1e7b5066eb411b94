//go:build linux

package mount

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestStatusTellsOfTheMount(t *testing.T) {
	fake := sample()
	cfg := config(directory(t), fake)
	cfg.Status = func() any { return map[string]int{"requests": 7} }
	m := mounted(t, cfg)
	before := fake.Calls().All()
	s, err := ReadStatus(m.Mountpoint())
	require.NoError(t, err)
	require.Equal(t, before, fake.Calls().All(), "the status asks nobody")
	require.Equal(t, 1, s.Schema)
	require.Equal(t, os.Getpid(), s.PID)
	require.Equal(t, "test", s.Version)
	require.Equal(t, m.Mountpoint(), s.Mountpoint)
	require.Equal(t, "/demo/dev", s.Root)
	require.False(t, s.Since.IsZero())
	require.EqualValues(t, 1, s.Cache.Fetches+s.Cache.Trees)
	var server struct{ Requests int }
	require.NoError(t, json.Unmarshal(s.Server, &server))
	require.Equal(t, 7, server.Requests)
}

func TestRefreshAsksAgain(t *testing.T) {
	fake := sample()
	m := mounted(t, config(directory(t), fake))
	fake.Set(devDir, "GREETING", "changed")
	read := func() string {
		got, err := os.ReadFile(filepath.Join(m.Mountpoint(), "GREETING"))
		require.NoError(t, err)
		return string(got)
	}
	require.Equal(t, "hello, world", read())
	require.Eventually(t, func() bool { return m.rooms.tree.Counts().Open == 0 }, time.Minute, time.Millisecond, "a new version waits a moment for who has the old one open")
	require.NoError(t, os.WriteFile(filepath.Join(m.Mountpoint(), ".infisicalfs", "refresh"), []byte("1\n"), 0))
	require.Equal(t, "changed", read())
}

func TestListAndUnmount(t *testing.T) {
	point := directory(t)
	requireCode(t, exitcode.Mountpoint, unmounted(t.Context(), point))
	_, err := ReadStatus(point)
	require.ErrorContains(t, err, "is not mounted")

	m := mounted(t, config(point, sample()))
	mounts, err := mounttable.List()
	require.NoError(t, err)
	require.Contains(t, mounts, mounttable.Info{Mountpoint: point, UID: 0})

	f := hold(t, m)
	known := requireCode(t, exitcode.Mountpoint, unmounted(t.Context(), point))
	require.ErrorContains(t, known, "busy")
	require.Contains(t, known.Hint, "fuser")
	require.NoError(t, f.Close())
	require.NoError(t, unmounted(t.Context(), point))
	require.NoError(t, m.Wait())
}

// The values that go-fuse's trace would print are what this system protects.
func TestTraceShowsNoContent(t *testing.T) {
	var out bytes.Buffer
	log := kernelLog(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	for line, want := range map[string]string{
		`rx 4: READ n5 {Fh 1 [0 +4096)  L 0 RDONLY,0x8000}  p77`: `rx 4: READ n5 p77`,
		`rx 6: WRITE n5 {Fh 1 [0 +6)} "hunter"... 9b p77`:        `rx 6: WRITE n5 p77`,
		`rx 7: SETXATTR n5 {size=6} "user.x" "hunter" 6b p77`:    `rx 7: SETXATTR n5 p77`,
		`rx 8: LOOKUP n1 "x p5" and "hunter`:                     `rx 8: LOOKUP n1`,
		`tx 4:     OK,  12b data "hunter2 "...`:                  `tx 4:     OK`,
		`tx 5:     2=no such file or directory, {n0 g0 tE=0s }`:  `tx 5:     2=no such file or directory`,
		`tx 9: "hunter2`:               `tx 9: `,
		`rx of another form "hunter2"`: ``,
	} {
		out.Reset()
		log.Println(line)
		require.Contains(t, out.String(), want)
		require.NotContains(t, out.String(), "hunter")
	}
}

func TestDebugOfALiveMountShowsNoValue(t *testing.T) {
	var out syncBuffer
	cfg := config(directory(t), sample())
	cfg.Debug, cfg.Log = true, slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	m := mounted(t, cfg)
	got, err := os.ReadFile(filepath.Join(m.Mountpoint(), "GREETING"))
	require.NoError(t, err)
	require.Equal(t, "hello, world", string(got))
	require.NoError(t, m.Close())
	require.Contains(t, out.String(), "READ")
	require.NotContains(t, out.String(), "hello")
}
