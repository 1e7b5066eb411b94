package layout

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/glob"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

var (
	dev      = secret.Dir{Project: "demo", Env: "dev", Path: "/"}
	payments = dev.Child("payments")
	eu       = payments.Child("eu")
)

// world is a layout over a scripted server.
type world struct {
	*secrettest.Fake
	*Layout
	logs bytes.Buffer
}

func newWorld(change func(*Config)) *world {
	w := &world{Fake: secrettest.NewFake()}
	w.Set(dev, "GREETING", "hello")
	w.Set(payments, "STRIPE_KEY", "not-a-real-key")
	w.Set(eu, "iban", "XX00")
	cfg := Config{Root: dev, Separator: "__"}
	change(&cfg)
	w.Layout = New(w.Fake, cfg, slog.New(slog.NewTextHandler(&w.logs, nil)))
	return w
}

// Folder is the layout's, not the server's.
func (w *world) folder(t testing.TB, dir secret.Dir) *secret.Folder {
	t.Helper()
	f, err := w.Layout.Folder(t.Context(), dir, secret.NeedListing)
	require.NoError(t, err)
	return f
}

// values returns what a folder shows, by name; what is hidden as "(hidden)".
func values(f *secret.Folder) map[string]string {
	m := make(map[string]string)
	for _, s := range f.Secrets {
		m[s.Name] = s.Value.Reveal()
		if s.Hidden {
			m[s.Name] = "(hidden)"
		}
	}
	return m
}

func patterns(texts ...string) (list []glob.Pattern) {
	for _, text := range texts {
		p, err := glob.Parse(text)
		if err != nil {
			panic(err)
		}
		list = append(list, p)
	}
	return list
}

func flatten(c *Config) { c.Flat = true }
