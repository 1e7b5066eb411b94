package layout

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// Every way of showing conforms as the server does.
func TestLayoutsConform(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"trim":    func(c *Config) { c.TrimNewline = true },
		"add":     func(c *Config) { c.AddNewline = true },
		"lower":   func(c *Config) { c.Names = Lower },
		"kebab":   func(c *Config) { c.Names = Kebab },
		"choose":  func(c *Config) { c.Include, c.Exclude = patterns("payments"), patterns("**/ANOTHER") },
		"deeper":  func(c *Config) { c.Root, c.Names = payments, Upper },
		"project": func(c *Config) { c.Root, c.Exclude = secret.Dir{Project: "demo"}, patterns("prod") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(change)
			w.Set(payments, "one", "text\n")
			w.Set(payments, "ANOTHER", "2")
			known := secrettest.Known{
				Dir: payments, Name: w.cfg.Names.apply("one"), Value: "text\n", Subfolder: "eu", Missing: dev.Child("missing"),
			}
			if w.cfg.TrimNewline {
				known.Value = "text"
			}
			secrettest.TestSource(t, w.Layout, known)
		})
	}
	t.Run("flat", func(t *testing.T) {
		w := newWorld(flatten)
		secrettest.TestSource(t, w.Layout, secrettest.Known{Dir: dev, Name: "payments__STRIPE_KEY", Value: "not-a-real-key", Missing: payments})
	})
}

func TestNewlines(t *testing.T) {
	for _, tc := range []struct{ stored, trimmed, added string }{
		{"", "", "\n"},
		{"a", "a", "a\n"},
		{"a\n", "a", "a\n"},
		{"a\r\n", "a", "a\r\n"},
		{"a\n\n", "a", "a\n\n"},
		{"a\n b", "a\n b", "a\n b\n"},
		{"a\r", "a\r", "a\r\n"},
		{"\n", "", "\n"},
	} {
		w := newWorld(func(c *Config) { c.TrimNewline = true })
		require.Equal(t, tc.trimmed, w.value(secret.NewValue(tc.stored)).Reveal(), "%q", tc.stored)
		w = newWorld(func(c *Config) { c.AddNewline = true })
		require.Equal(t, tc.added, w.value(secret.NewValue(tc.stored)).Reveal(), "%q", tc.stored)
	}
}

// While a snapshot lives it is worked on once; what was made of it goes with it.
func TestASnapshotIsWorkedOnOnce(t *testing.T) {
	w := newWorld(func(c *Config) { c.AddNewline = true })
	snap, err := w.Fetch(t.Context(), dev, nil)
	require.NoError(t, err)
	require.Same(t, &w.shape(snap).Secrets[0], &w.shape(snap).Secrets[0])
	runtime.KeepAlive(snap)
	require.Eventually(t, func() bool {
		runtime.GC()
		w.memo.mu.Lock()
		defer w.memo.mu.Unlock()
		return len(w.memo.made) == 0
	}, 10*time.Second, 10*time.Millisecond)
}

func TestWhatIsNotChangedIsNotInTheWay(t *testing.T) {
	w := newWorld(func(c *Config) { c.Names = AsIs })
	require.Same(t, w.Fake, w.Source())
	change := secret.Change{Dir: payments, Old: &secret.Folder{}, New: &secret.Folder{}}
	above, ok := w.Change(change)
	require.True(t, ok)
	require.Equal(t, change, above)
}
