package fs

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/diff"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// change makes a change on the server and returns it.
func (w *world) change(t *testing.T, dir secret.Dir, make func()) secret.Change {
	before := snapshot(t, w.Fake, dir)
	make()
	return secret.Change{Dir: dir, Old: before, New: snapshot(t, w.Fake, dir)}
}

func TestWhatTheKernelIsTold(t *testing.T) {
	everything := []string{"demo", "demo/dev", "demo/dev/EMPTY", "demo/dev/GREETING", "demo/dev/payments/API_KEY"}
	for name, c := range map[string]struct {
		root   secret.Dir
		known  []string
		change func(t *testing.T, w *world) secret.Change
		want   []string
	}{
		"new value": {
			known: everything,
			change: func(t *testing.T, w *world) secret.Change {
				return w.change(t, dev, func() { w.Set(dev, "GREETING", "hi") })
			},
			want: []string{"content /demo/dev/GREETING", "entry /demo/dev/GREETING"},
		},
		"new value of what nobody looked at": {
			known: []string{"demo/dev/EMPTY"},
			change: func(t *testing.T, w *world) secret.Change {
				return w.change(t, dev, func() { w.Set(dev, "GREETING", "hi") })
			},
		},
		"new and gone names": {
			known: everything,
			change: func(t *testing.T, w *world) secret.Change {
				return w.change(t, dev, func() { w.Set(dev, "NEW", "x"); w.Remove(dev, "EMPTY"); w.Remove(dev, "payments") })
			},
			want: []string{"entry /demo/dev/EMPTY", "entry /demo/dev/NEW", "entry /demo/dev/payments"},
		},
		"a folder takes a secret's name": {
			known: everything,
			change: func(t *testing.T, w *world) secret.Change {
				return w.change(t, dev, func() { w.Mkdir(dev.Child("EMPTY")) })
			},
			want: []string{"entry /demo/dev/EMPTY", "entry /demo/dev/EMPTY%secret"},
		},
		"hidden": {
			known: everything,
			change: func(t *testing.T, w *world) secret.Change {
				return w.change(t, dev, func() { w.Put(dev, secret.Secret{Name: "EMPTY", Hidden: true}) })
			},
			want: []string{"content /demo/dev/EMPTY", "entry /demo/dev/EMPTY"},
		},
		"unknown change": {
			known:  everything,
			change: func(*testing.T, *world) secret.Change { return secret.Change{Dir: dev} },
			want: []string{"attr /demo/dev/EMPTY", "attr /demo/dev/GREETING", "attr /demo/dev/payments",
				"entry /demo/dev/EMPTY", "entry /demo/dev/GREETING"},
		},
		"revoked below": {
			known: everything,
			change: func(*testing.T, *world) secret.Change {
				return secret.Change{Dir: project, Deep: true, Err: secret.ErrDenied}
			},
			want: []string{"attr /demo/dev", "attr /demo/dev/payments", "content /demo/dev/EMPTY", "content /demo/dev/GREETING",
				"content /demo/dev/payments/API_KEY", "entry /demo/dev/EMPTY", "entry /demo/dev/GREETING", "entry /demo/dev/payments/API_KEY"},
		},
		"above the root, deep": {
			root: payments, known: []string{"API_KEY"},
			change: func(*testing.T, *world) secret.Change { return secret.Change{Deep: true} },
			want:   []string{"attr /API_KEY", "entry /API_KEY"},
		},
		"above the root, shallow": {
			root: payments, known: []string{"API_KEY"},
			change: func(*testing.T, *world) secret.Change { return secret.Change{Dir: dev} },
		},
		"beside the root": {
			root: payments, known: []string{"API_KEY"},
			change: func(*testing.T, *world) secret.Change {
				return secret.Change{Dir: dev.Child("other"), Deep: true, Err: secret.ErrDenied}
			},
		},
		"unknown directory": {
			known:  []string{"demo"},
			change: func(*testing.T, *world) secret.Change { return secret.Change{Dir: payments} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.cfg.Root = c.root
			k := fusetest.Direct(t, w.Root(), w.Options())
			for _, p := range c.known {
				_, err := k.Lookup(p)
				require.NoError(t, err)
			}
			w.announce(c.change(t, w))
			require.Equal(t, c.want, k.Notified())
		})
	}
}

func TestNewsBeforeTheMount(t *testing.T) {
	w := newWorld()
	w.announce(secret.Change{Deep: true, Err: secret.ErrDenied})
	k := fusetest.Direct(t, w.Root(), w.Options())
	w.announce(secret.Change{Deep: true})
	require.Empty(t, k.Notified())
}

// The kernel may remember everything for an hour, and shows each change at once.
func TestChangesReachTheKernel(t *testing.T) {
	w := newWorld(ttl(time.Hour))
	v := fusetest.Disk(fusetest.Mounted(t, w.Root(), w.Options()))
	_, err := v.ReadDir("demo/dev")
	require.NoError(t, err)
	_, err = v.Stat("demo/dev/NEW")
	require.Equal(t, syscall.ENOENT, err)

	change := w.change(t, dev, func() {
		w.Set(dev, "GREETING", "changed")
		w.Set(dev, "NEW", "x")
		w.Remove(dev, "EMPTY")
		w.Remove(dev, "payments")
		w.Set(dev, "payments", "a secret now")
	})
	a, err := v.Stat("demo/dev/GREETING")
	require.NoError(t, err)
	require.EqualValues(t, len("hello, world"), a.Size, "it has not been told yet")
	w.announce(change)

	a, err = v.Stat("demo/dev/GREETING")
	require.NoError(t, err)
	require.EqualValues(t, len("changed"), a.Size)
	_, err = v.Stat("demo/dev/NEW")
	require.NoError(t, err)
	_, err = v.Stat("demo/dev/EMPTY")
	require.Equal(t, syscall.ENOENT, err)
	text, err := fusetest.ReadFile(v, "demo/dev/payments")
	require.NoError(t, err)
	require.Equal(t, "a secret now", text)
}

// The Source tells of a change while a lookup in that very directory waits for it.
// The kernel would not take the message before the lookup has its answer.
func TestNewsDuringALookup(t *testing.T) {
	w := newWorld()
	var once atomic.Bool
	w.answer(func(ctx ctxt, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
		if dir == dev && once.CompareAndSwap(false, true) {
			w.Apply(w.change(t, dev, func() { w.Set(dev, "LATE", "x"); w.Set(dev, "GREETING", "y") }))
		}
		return w.Folder(ctx, dir, need)
	})
	v := fusetest.Disk(fusetest.Mounted(t, w.Root(), w.Options()))
	_, err := v.Stat("demo/dev/LATE")
	require.NoError(t, err)
	require.True(t, once.Load())
	w.awaitKernel()
}

// Of a change that says what it is about nothing else is looked at, whatever the
// folder has besides.
func TestNewsLookAtWhatTheyAreAbout(t *testing.T) {
	w := newWorld(func(c *Config) { c.Notify, c.EmitThread = NotifyFull, func(func(int)) error { return nil } })
	for i := range 100 {
		w.Set(dev, fmt.Sprint("KEY_", i), "x")
	}
	before := snapshot(t, w, dev)
	for i := range 100 {
		w.Set(dev, fmt.Sprint("KEY_", i), "y")
	}
	w.Remove(dev, "KEY_7")
	w.Put(dev, secret.Secret{Name: "KEY_9", Hidden: true})
	change := secret.Change{Dir: dev, Old: before, New: snapshot(t, w, dev), Names: []string{"KEY_7", "KEY_8"}}
	out, ok := w.outdated(change, diff.Of(change))
	require.True(t, ok)
	require.Equal(t, []string{"KEY_7"}, out.entries)
	require.Equal(t, []string{"KEY_8"}, out.content)
	require.Len(t, out.events, 2)
	require.Nil(t, revokes(change, diff.Of(change)), "KEY_9 is not what it is about")
	change.Names = append(change.Names, "KEY_9")
	require.NotNil(t, revokes(change, diff.Of(change)))
	change.Names = nil
	out, _ = w.outdated(change, diff.Of(change))
	require.Len(t, out.content, 99)
	require.NotNil(t, revokes(change, diff.Of(change)))
}
