//go:build linux

package volume

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// What a service may log in with changes while its volumes are served: they follow, and go on as
// they were where that is no login, or one at another server.
func TestCredentialsAreReadAgain(t *testing.T) {
	w := newWorld(t)
	name, change := "admin", func(*Login) {}
	w.change = func(cfg *Config) {
		cfg.Login = func(string) (Login, error) {
			login, err := w.login(name)
			change(&login)
			return login, err
		}
	}
	m := w.open()
	require.NoError(t, m.Create("app", map[string]string{"project": "demo", "env": "dev"}))
	point, err := m.Mount(t.Context(), "app", "somebody")
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Unmount(context.Background(), "app", "somebody")) }()
	reads := func(text string) { t.Helper(); w.reads(point+"/GREETING", text) }
	reads("hello, world")
	for what, other := range map[string]func(*Login){
		"a wrong secret": func(l *Login) { l.Auth = client.UniversalAuth("nobody", secret.NewValue("wrong")) },
		"another server": func(l *Login) { l.URL = "https://infisical.example.com" },
	} {
		change = other
		require.Error(t, m.Reload(t.Context()), what)
		reads("hello, world")
	}
	require.NoError(t, w.Edit(func(e *devserver.Editor) error {
		return errors.Join(e.Revoke("admin"), e.Set("demo", "dev", "/", "GREETING", "for who may still read"))
	}))
	change, name = func(*Login) {}, "viewer"
	require.NoError(t, m.Reload(t.Context()))
	reads("for who may still read")
}
