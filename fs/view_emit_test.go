//go:build linux

package fs

import (
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"infisicalfs/secret"
)

// What a watcher of a file hears of a new value.
var newValue = []string{"MODIFY", "ATTRIB", "CLOSE_WRITE"}

// Who watches a view hears once of each change of what it shows, and of nothing else.
func TestWatchersOfAViewHear(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world)
		want   []string
	}{
		"a new value":            {func(w *world) { w.Set(dev, "GREETING", "hi") }, newValue},
		"a new name":             {func(w *world) { w.Set(dev, "NEW", "x") }, newValue},
		"a name that went":       {func(w *world) { w.Remove(dev, "EMPTY") }, newValue},
		"several at once":        {func(w *world) { w.Set(dev, "GREETING", "hi"); w.Set(dev, "NEW", "x"); w.Remove(dev, "EMPTY") }, newValue},
		"a value that is hidden": {func(w *world) { w.Put(dev, secret.Secret{Name: "GREETING", Hidden: true, Reason: "may not be read"}) }, newValue},
		"it refuses now":         {func(w *world) { w.Set(dev, "GREETING", "several\nlines") }, newValue},
		"an import": {func(w *world) {
			w.Put(dev, secret.Secret{Name: "API_KEY", Value: secret.NewValue("x"), Import: &payments})
		}, newValue},
		"a new folder":            {func(w *world) { w.Mkdir(dev.Child("jobs")) }, nil},
		"a change somewhere else": {func(w *world) { w.Set(payments, "API_KEY", "x") }, nil},
		"the same value again":    {func(w *world) { w.Set(dev, "GREETING", "hello, world") }, nil},
		"nothing":                 {func(*world) {}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bothEmitting(t, func(t *testing.T, w *world, dir string) {
				at := filepath.Join(dir, "demo/dev")
				_, err := os.ReadFile(at + "/.env")
				require.NoError(t, err)
				require.Equal(t, c.want, heard(t, at+"/.env", func() { w.announce(w.change(t, dev, func() { c.change(w) })) }))
				require.Zero(t, w.Counts().Notify.Failed, w.Counts().Notify.Error)
			}, ttl(time.Hour))
		})
	}
}

// It hears of the end of a refusal, of what is changed here, and in a volume as Kubernetes has them.
func TestWatchersOfAViewHearMore(t *testing.T) {
	t.Run("it refuses no more", func(t *testing.T) {
		bothEmitting(t, func(t *testing.T, w *world, dir string) {
			w.Set(dev, "GREETING", "several\nlines")
			view := filepath.Join(dir, "demo/dev/.env")
			_, err := os.ReadFile(view)
			require.Error(t, err)
			require.Equal(t, newValue, heard(t, view, func() { w.announce(w.change(t, dev, func() { w.Set(dev, "GREETING", "one") })) }))
			text, err := os.ReadFile(view)
			require.NoError(t, err)
			require.Equal(t, "EMPTY=\nGREETING=one\n", string(text))
		}, ttl(time.Hour))
	})
	t.Run("a change that is made here", func(t *testing.T) {
		w, dir := emitting(t, ttl(time.Hour), writing)
		at := filepath.Join(dir, "demo/dev")
		require.Equal(t, newValue, heard(t, at+"/.env", func() {
			w.announce(w.change(t, dev, func() { require.NoError(t, os.WriteFile(at+"/GREETING", []byte("mine"), 0o600)) }))
		}))
	})
	t.Run("as a volume of Kubernetes", func(t *testing.T) {
		w, dir := emitting(t, ttl(time.Hour), func(c *Config) { c.Links = true })
		view := filepath.Join(dir, "demo/dev/.env")
		require.Equal(t, newValue, heard(t, view, func() { w.announce(w.change(t, dev, func() { w.Set(dev, "GREETING", "hi") })) }))
	})
	t.Run("of a view that is listed, as of all that is", func(t *testing.T) {
		w, dir := emitting(t, ttl(time.Hour), func(c *Config) { c.ListedViews = []string{".env"} })
		at := filepath.Join(dir, "demo/dev")
		require.Equal(t, []string{".env", "EMPTY", "GREETING", "payments"}, namesIn(t, at))
		_, err := os.ReadFile(at + "/app.conf")
		require.NoError(t, err)
		require.Equal(t, []string{
			"MODIFY GREETING", "ATTRIB GREETING", "CLOSE_WRITE GREETING", "MODIFY .env", "ATTRIB .env", "CLOSE_WRITE .env",
		}, heard(t, at, func() {
			require.Equal(t, newValue, heard(t, at+"/.env", func() { w.announce(w.change(t, dev, func() { w.Set(dev, "GREETING", "hi") })) }))
		}))
		require.Zero(t, w.Counts().Notify.Failed, w.Counts().Notify.Error)
	})
	t.Run("dates only", func(t *testing.T) {
		w, dir := emitting(t, ttl(time.Hour), func(c *Config) { c.Notify = NotifyAttrib })
		view := filepath.Join(dir, "demo/dev/.env")
		require.Equal(t, newValue[:2], heard(t, view, func() { w.announce(w.change(t, dev, func() { w.Set(dev, "GREETING", "hi") })) }))
	})
}

// Who watches the directory hears nothing of views: what mirrors it would copy them.
func TestWatchersOfADirectoryHearNothingOfViews(t *testing.T) {
	bothEmitting(t, func(t *testing.T, w *world, dir string) {
		at := filepath.Join(dir, "demo/dev")
		for view := range allViews {
			_, err := os.ReadFile(filepath.Join(at, view))
			require.NoError(t, err)
		}
		change := func() { w.announce(w.change(t, dev, func() { w.Set(dev, "GREETING", w.text(t)) })) }
		for _, above := range []string{"demo", "", "demo/dev/payments"} {
			require.Empty(t, heard(t, filepath.Join(dir, above), change))
		}
		require.Equal(t, []string{"MODIFY GREETING", "ATTRIB GREETING", "CLOSE_WRITE GREETING"}, heard(t, at, func() {
			require.Equal(t, newValue, heard(t, at+"/.env", change))
		}))
		require.Zero(t, w.Counts().Notify.Failed, w.Counts().Notify.Error)
	}, ttl(time.Hour))
}

// text is another one each time.
func (w *world) text(t *testing.T) string {
	s, ok := w.Own(dev, "GREETING")
	require.True(t, ok)
	return s.Value.Reveal() + "!"
}

// A change is told once to each view that somebody has, and to no other. Nothing is rendered to find that out.
func TestViewsThatNobodyHasAreNotTold(t *testing.T) {
	var rendered atomic.Int64
	w, dir := emitting(t, ttl(time.Hour), func(c *Config) {
		c.Views = map[string]View{}
		for name, view := range allViews {
			c.Views[name] = func(f *secret.Folder) (secret.Value, error) { rendered.Add(1); return view(f) }
		}
	})
	at := filepath.Join(dir, "demo/dev")
	told := func() uint64 {
		before := w.Counts().Notify.Told
		w.announce(w.change(t, dev, func() { w.Set(dev, "GREETING", w.text(t)) }))
		return w.Counts().Notify.Told - before
	}
	_ = names(t, at)
	require.EqualValues(t, 1, told(), "the file")
	held := map[string]*os.File{}
	texts := map[string]string{}
	for _, view := range []string{".env", "app.conf"} {
		text, err := os.ReadFile(filepath.Join(at, view))
		require.NoError(t, err)
		texts[view] = string(text)
		held[view], err = os.Open(filepath.Join(at, view))
		require.NoError(t, err)
	}
	before := rendered.Load()
	require.EqualValues(t, 3, told())
	require.EqualValues(t, 3, told())
	require.Equal(t, before+4, rendered.Load(), "each is tried once after each change, to say if it can no longer be made")
	for view, f := range held {
		text, err := io.ReadAll(f)
		require.NoError(t, err)
		require.Equal(t, texts[view], string(text), "who has it open has the version that he has opened")
		text, err = os.ReadFile(filepath.Join(at, view))
		require.NoError(t, err)
		require.Contains(t, string(text), w.text(t)[:len(w.text(t))-1])
		require.NoError(t, f.Close())
		w.inode(dev).NotifyEntry(view) // as if the kernel had no room for it
	}
	require.Eventually(t, func() bool { return told() == 1 }, time.Minute, time.Millisecond, "nobody has them any more")
}
