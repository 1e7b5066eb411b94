package ownchanges

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/secret"
)

var dev = secret.Dir{Project: "demo", Env: "dev", Path: "/"}

// server answers every change with the secret or error that it was given.
type server struct {
	secret.Writer
	says  secret.Secret
	fails error
	asked func()
}

func (s *server) answer() error {
	if s.asked != nil {
		s.asked()
	}
	return s.fails
}

func (s *server) Update(context.Context, secret.Dir, string, secret.Value) (secret.Secret, error) {
	return s.says, s.answer()
}

func (s *server) Rename(context.Context, secret.Dir, string, string) (secret.Secret, error) {
	return s.says, s.answer()
}

func (s *server) Move(context.Context, secret.Dir, string, secret.Dir) error     { return s.answer() }
func (s *server) Delete(context.Context, secret.Dir, string) error               { return s.answer() }
func (s *server) CreateFolder(context.Context, secret.Dir, string) error         { return s.answer() }
func (s *server) RenameFolder(context.Context, secret.Dir, string, string) error { return s.answer() }

func TestExplains(t *testing.T) {
	key, folder := ownSecret(dev, "KEY"), ownFolder(dev, "jobs")
	third, fourth := secret.Secret{ID: "1", Version: 3}, secret.Secret{ID: "1", Version: 4}
	base := func(s secret.Secret) lostupdate.Base { return lostupdate.BaseOf(&s) }
	type heard struct {
		at   Place
		gone bool
		is   lostupdate.Base
		ours bool
	}
	for name, c := range map[string]struct {
		fails error
		do    func(w secret.Writer) error
		heard []heard
	}{
		"nothing was done": {heard: []heard{{at: key, is: base(third)}}},
		"a write": {
			do:    func(w secret.Writer) error { _, err := w.Update(t.Context(), dev, "KEY", secret.Value{}); return err },
			heard: []heard{{at: key, is: base(third), ours: true}, {at: key, is: base(third), ours: true}, {at: key, is: base(fourth)}},
		},
		"a write that failed": {
			fails: errors.New("no"),
			do:    func(w secret.Writer) error { _, err := w.Update(t.Context(), dev, "KEY", secret.Value{}); return err },
			heard: []heard{{at: key, is: base(third)}},
		},
		"somebody else removes what was written": {
			do:    func(w secret.Writer) error { _, err := w.Update(t.Context(), dev, "KEY", secret.Value{}); return err },
			heard: []heard{{at: key, gone: true}, {at: key, is: base(third)}},
		},
		"a rename": {
			do:    func(w secret.Writer) error { _, err := w.Rename(t.Context(), dev, "KEY", "NEW"); return err },
			heard: []heard{{at: key, gone: true, ours: true}, {at: ownSecret(dev, "NEW"), is: base(third), ours: true}},
		},
		"a move, of which the version is not known": {
			do: func(w secret.Writer) error { return w.Move(t.Context(), dev, "KEY", dev.Child("jobs")) },
			heard: []heard{{at: key, gone: true, ours: true}, {at: ownSecret(dev.Child("jobs"), "KEY"), is: base(third), ours: true},
				{at: ownSecret(dev.Child("jobs"), "KEY"), is: base(fourth)}},
		},
		"a delete": {
			do:    func(w secret.Writer) error { return w.Delete(t.Context(), dev, "KEY") },
			heard: []heard{{at: key, gone: true, ours: true}, {at: key, is: base(third)}},
		},
		"a folder": {
			do:    func(w secret.Writer) error { return w.CreateFolder(t.Context(), dev, "jobs") },
			heard: []heard{{at: folder, ours: true}, {at: folder, ours: true}, {at: ownSecret(dev, "jobs"), is: base(third)}, {at: folder, gone: true}},
		},
		"a folder that was renamed": {
			do:    func(w secret.Writer) error { return w.RenameFolder(t.Context(), dev, "jobs", "tasks") },
			heard: []heard{{at: folder, gone: true, ours: true}, {at: ownFolder(dev, "tasks"), ours: true}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var own Changes
			if c.do != nil {
				require.ErrorIs(t, c.do(own.Writer(&server{says: third, fails: c.fails})), c.fails)
			}
			for i, h := range c.heard {
				require.Equal(t, h.ours, own.Explains(h.at, h.gone, h.is), "%d", i)
			}
		})
	}
}

// What is heard of while a change of ours is under way is covered by its events.
func TestUnderWay(t *testing.T) {
	var own Changes
	_ = own.Writer(&server{asked: func() {
		require.True(t, own.Explains(ownSecret(dev, "KEY"), false, lostupdate.Base{}))
	}, fails: errors.New("no")}).Delete(t.Context(), dev, "KEY")
	require.Empty(t, own.places)
}

// It remembers so many places, and those under way always.
func TestPlacesAreBounded(t *testing.T) {
	var own Changes
	end := own.begin(ownSecret(dev, "first"))
	w := own.Writer(&server{})
	for i := range 2 * maxPlaces {
		require.NoError(t, w.Delete(t.Context(), dev, string(rune('a'+i))))
	}
	require.LessOrEqual(t, len(own.places), maxPlaces+1)
	require.True(t, own.Explains(ownSecret(dev, "first"), true, lostupdate.Base{}))
	end()
}
