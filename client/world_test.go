package client_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

var (
	dev      = secret.Dir{Project: "demo", Env: "dev", Path: "/"}
	payments = secret.Dir{Project: "demo", Env: "dev", Path: "/payments"}
	staging  = secret.Dir{Project: "demo", Env: "staging", Path: "/"}
)

// world is a server and a client that talks to it without a socket, so that it
// can live in a synctest bubble.
type world struct {
	*devserver.Server
	client  *client.Client
	profile devserver.Profile
}

// keepsRenames reports whether the server can rename a secret; else the client
// makes another.
func (w world) keepsRenames() bool { return w.profile != devserver.July2024 }

// newWorld logs in as the named identity. change may adjust the client.
func newWorld(t *testing.T, server devserver.Config, identity string, change func(*client.Config)) world {
	t.Helper()
	s, err := devserver.New(server)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return world{s, join(t, s, identity, change), server.Profile}
}

// join makes another client of the same server.
func join(t *testing.T, s *devserver.Server, identity string, change func(*client.Config)) *client.Client {
	t.Helper()
	who := s.Credentials(identity)
	cfg := client.Config{
		URL:          "http://127.0.0.1:1",
		Auth:         client.UniversalAuth(who.ClientID, secret.NewValue(who.ClientSecret)),
		Organization: who.OrganizationID,
		Transport:    devserver.Transport(s),
	}
	if change != nil {
		change(&cfg)
	}
	c, err := client.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// each runs test against every kind of server.
func each(t *testing.T, test func(t *testing.T, profile devserver.Profile)) {
	for _, profile := range devserver.Profiles() {
		t.Run(string(profile), func(t *testing.T) { test(t, profile) })
	}
}

func (w world) edit(t *testing.T, change func(*devserver.Editor) error) {
	t.Helper()
	require.NoError(t, w.Edit(change))
}

func (w world) fetch(t *testing.T, dir secret.Dir) *secret.Folder {
	t.Helper()
	f, err := w.client.Fetch(t.Context(), dir, nil)
	require.NoError(t, err)
	return f
}

// value returns the value of a secret that can be read.
func value(t *testing.T, f *secret.Folder, name string) string {
	t.Helper()
	s, ok := f.Secret(name)
	require.True(t, ok, "%s is not in %s", name, f.Dir)
	require.False(t, s.Hidden, "%s is hidden: %s", name, s.Reason)
	return s.Value.Reveal()
}

func names(f *secret.Folder) (secrets, folders []string) {
	for _, s := range f.Secrets {
		secrets = append(secrets, s.Name)
	}
	for _, s := range f.Folders {
		folders = append(folders, s.Name)
	}
	return secrets, folders
}
