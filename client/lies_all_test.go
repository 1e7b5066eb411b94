package client_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// Whatever a server says instead of the truth: it is an error of the right kind,
// for as little as possible, and never a value that is not the secret's. When it
// says the truth again, so do we.
func TestLies(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		for _, lie := range devserver.Lies() {
			t.Run(lie.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { tellLie(t, profile, lie) })
			})
		}
	})
}

func tellLie(t *testing.T, profile devserver.Profile, lie devserver.Lie) {
	w := newWorld(t, devserver.Config{Profile: profile}, "admin", func(c *client.Config) { c.RateWait, c.WriteWait = -1, time.Second })
	w.edit(t, func(e *devserver.Editor) error {
		return e.Set("demo", "dev", "/", devserver.LieVictim, devserver.LieMarker)
	})
	known := w.fetch(t, dev)
	remove := w.Inject(lie.Fault)
	defer remove()
	began := time.Now()

	for name, ask := range map[string]func() (*secret.Folder, error){
		"cold":  func() (*secret.Folder, error) { return w.client.Fetch(t.Context(), dev, nil) },
		"known": func() (*secret.Folder, error) { return w.client.Fetch(t.Context(), dev, known) },
		"tree": func() (*secret.Folder, error) {
			folders, err := w.client.Tree(t.Context(), dev, nil)
			for _, f := range folders {
				if f.Dir == dev {
					return f, err
				}
			}
			return &secret.Folder{}, err
		},
	} {
		f, err := ask()
		if name == "tree" && errors.Is(err, secret.ErrInexact) {
			continue // then folders are asked one by one
		}
		if err != nil {
			require.NotEqual(t, devserver.AboutNothing, lie.About, "%s: %v", name, err)
			require.NotEqual(t, devserver.AboutVictim, lie.About, "%s: %v", name, err)
			requireFailure(t, err)
			continue
		}
		if name != "known" || f.Answered.After(known.Answered) { // "not modified" has no body to lie in
			require.NotEqual(t, devserver.AboutAll, lie.About, name)
			require.NotEqual(t, devserver.AboutList, lie.About, name)
		}
		if greeting, ok := f.Secret("GREETING"); ok || name != "tree" {
			require.True(t, ok)
			require.Equal(t, "hello, world", greeting.Value.Reveal())
		}
		victim, ok := f.Secret(devserver.LieVictim)
		if ok && !victim.Hidden {
			require.Equal(t, devserver.LieMarker, victim.Value.Reveal(), name)
		}
		if lie.About == devserver.AboutNothing {
			require.True(t, ok && !victim.Hidden, name)
		}
	}

	root, err := w.client.Fetch(t.Context(), secret.Dir{}, nil)
	switch {
	case err == nil:
		require.NotEqual(t, devserver.AboutAll, lie.About)
		_, ok := root.Subfolder("demo")
		require.True(t, ok)
		require.Len(t, root.Folders, 1)
	case lie.About != devserver.AboutAll:
		t.Errorf("the list of projects: %v", err)
	default:
		requireFailure(t, err)
	}

	s, err := w.client.Stored(t.Context(), dev, devserver.LieVictim)
	if err == nil {
		require.Equal(t, devserver.LieMarker, s.Value.Reveal())
	} else {
		requireFailure(t, err)
	}
	_, err = w.client.Update(t.Context(), dev, "GREETING", secret.NewValue("new"))
	stored, ok := w.Lookup("demo", "dev", "/", "GREETING")
	require.True(t, ok)
	if err == nil {
		require.Equal(t, "new", stored.Value)
	}
	require.Less(t, time.Since(began), 2*time.Minute)

	remove()
	w.client.Reconsider()
	f := w.fetch(t, dev)
	require.Equal(t, devserver.LieMarker, value(t, f, devserver.LieVictim))
	require.Equal(t, stored.Value, value(t, f, "GREETING"))
	// Nor is anything believed of what was said meanwhile.
	f, err = w.client.Fetch(t.Context(), dev, f)
	require.NoError(t, err)
	require.Equal(t, devserver.LieMarker, value(t, f, devserver.LieVictim))
}

// requireFailure fails the test if err says that something is not there, or that
// somebody may not: the server has said neither.
func requireFailure(t *testing.T, err error) {
	t.Helper()
	require.NotErrorIs(t, err, secret.ErrNotFound)
	require.NotErrorIs(t, err, secret.ErrDenied)
	require.NotErrorIs(t, err, secret.ErrUnauthenticated)
	require.NotErrorIs(t, err, secret.ErrInexact)
}
