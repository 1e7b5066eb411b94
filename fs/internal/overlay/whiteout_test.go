//go:build linux

package overlay

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/procend"
)

// A script's next command may be anybody's child: mv KEY KEY.old; cp new KEY.
func TestWhoMayWriteAnew(t *testing.T) {
	me := caller.Of(uint32(os.Getpid()))
	w := &Whiteout{Maker: &procend.Lifetime{Who: caller.Process{PID: 1 << 30}}, Parent: me}
	require.True(t, w.MayWrite(w.Maker.Who))
	require.True(t, w.MayWrite(me), "the shell")
	require.True(t, w.MayWrite(caller.Process{}), "nobody knows")
	require.False(t, w.MayWrite(me.Parent()))
	child := exec.Command("/bin/sh", "-c", "read x")
	in, err := child.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	defer func() { in.Close(); _ = child.Wait() }()
	require.True(t, w.MayWrite(caller.Of(uint32(child.Process.Pid))), "the shell's next command")
}

// A whiteout is carried out when its maker has ended, or after a minute, and again
// as its outcome says; not once it has ended.
func TestWhiteoutIsCarriedOut(t *testing.T) {
	for name, c := range map[string]struct {
		makerEnds time.Duration // after so long; 0: never
		lifted    time.Duration
		outcomes  []Outcome
		want      []time.Duration // when it is carried out
	}{
		"its maker lives":         {0, 0, []Outcome{Done}, []time.Duration{time.Minute}},
		"its maker has ended":     {time.Second, 0, []Outcome{Done}, []time.Duration{2 * time.Second}},
		"written anew before":     {0, time.Second, nil, nil},
		"its maker ends late":     {59500 * time.Millisecond, 0, []Outcome{Done}, []time.Duration{time.Minute}},
		"somebody has it open":    {0, 0, []Outcome{Busy, Busy, Done}, []time.Duration{60 * time.Second, 61 * time.Second, 62 * time.Second}},
		"during an outage":        {0, 0, []Outcome{Offline, Offline, Offline, Done}, []time.Duration{60 * time.Second, 61 * time.Second, 63 * time.Second, 67 * time.Second}},
		"lifted during an outage": {0, 62 * time.Second, []Outcome{Offline, Offline}, []time.Duration{60 * time.Second, 61 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var o Overlay
				began := time.Now()
				f := o.New(empty, Temporary, Made{})
				require.True(t, o.Link(f, dev, "KEY~"))
				over := make(chan struct{})
				maker := &procend.Lifetime{Over: over}
				w := &Whiteout{Name: "KEY", File: f, Maker: maker}
				require.True(t, o.Cover(dev, w))
				if c.makerEnds > 0 {
					time.AfterFunc(c.makerEnds, func() { maker.At = time.Now(); close(over) })
				}
				if c.lifted > 0 {
					time.AfterFunc(c.lifted, func() { require.True(t, o.Lift(w)) })
				}
				var when []time.Duration
				w.Follow(t.Context(), func(context.Context) Outcome {
					when = append(when, time.Since(began))
					return c.outcomes[len(when)-1]
				})
				require.Equal(t, c.want, when)
			})
		})
	}
}

// Of whoever looks, the secret is away until the whiteout ends, however it does.
func TestWhiteoutCovers(t *testing.T) {
	for name, end := range map[string]func(*Overlay, *Whiteout){
		"lifted":    func(o *Overlay, w *Whiteout) { require.True(t, o.Lift(w)) },
		"uncovered": func(o *Overlay, _ *Whiteout) { o.Uncover(dev, "KEY") },
		"dropped":   func(o *Overlay, _ *Whiteout) { o.Drop(dev.Contains) },
	} {
		var o Overlay
		f := o.New(empty, Temporary, Made{})
		w := &Whiteout{Name: "KEY", File: f, Maker: &procend.Lifetime{Over: make(chan struct{})}}
		require.False(t, o.Cover(dev, w), "the file has no name: %s", name)
		require.True(t, o.Link(f, dev, "KEY~"))
		require.True(t, o.Cover(dev, w))
		require.Same(t, w, o.Whiteout(dev, "KEY"))
		require.Same(t, w, o.Covering(f))
		require.Equal(t, "KEY", o.CopyOf(f))
		require.Equal(t, Shown{[]Entry{{"KEY~", f.ID()}}, map[string]bool{"KEY": true}}, o.Shown(dev))
		require.False(t, o.LeftBehind(f))
		require.False(t, o.StaysHere(f))
		at, linked, pending := o.Backup(w)
		require.Equal(t, Name{dev, "KEY~"}, at)
		require.True(t, linked && pending)

		end(&o, w)
		require.Nil(t, o.Whiteout(dev, "KEY"), name)
		require.Nil(t, o.Covering(f))
		require.Equal(t, "KEY", o.CopyOf(f), "it still has that value")
		require.False(t, o.Lift(w), "it is over")
		require.True(t, o.StaysHere(f))
		require.Empty(t, o.Shown(dev).Files)
		require.True(t, o.LeftBehind(f))
		o.Uncover(dev, "KEY")
		o.Unlink(dev, "KEY~")
		require.Zero(t, o.Counts().Folders)
	}
}
