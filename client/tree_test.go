package client_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

var prod = secret.Dir{Project: "demo", Env: "prod", Path: "/"}

// forest fills prod with folders that hold secrets, one of them empty.
func forest(t *testing.T, w world) {
	w.edit(t, func(e *devserver.Editor) error {
		for i := range 5 {
			for j := range 3 {
				path := fmt.Sprintf("/f%d/g%d", i, j)
				if err := e.Mkdir("demo", "prod", path); err != nil {
					return err
				}
				if err := e.Set("demo", "prod", path, "KEY", path); err != nil {
					return err
				}
			}
		}
		return e.Mkdir("demo", "prod", "/f0/empty")
	})
}

func byDir(list []*secret.Folder) map[secret.Dir]*secret.Folder {
	m := map[secret.Dir]*secret.Folder{}
	for _, f := range list {
		m[f.Dir] = f
	}
	return m
}

func TestTreeOfACurrentServerCostsThreeRequests(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	forest(t, w)
	require.NoError(t, w.client.Login(t.Context()))
	_, err := w.client.Project(t.Context(), "demo")
	require.NoError(t, err)
	w.ResetRequests()
	list, err := w.client.Tree(t.Context(), prod, nil)
	require.NoError(t, err)
	require.Len(t, w.Requests(), 3)

	folders := byDir(list)
	require.Len(t, folders, 1+5+15+1)
	for dir, f := range folders { // the bulk answer says what the folder's own says
		own := w.fetch(t, dir)
		require.True(t, f.Partial, dir)
		ownSecrets, ownFolders := names(own)
		secrets, subfolders := names(f)
		require.Equal(t, ownSecrets, secrets, dir)
		require.Equal(t, ownFolders, subfolders, dir)
		for _, s := range own.Secrets {
			require.Equal(t, s.Value.Reveal(), value(t, f, s.Name))
		}
	}
}

// Of a folder without secrets the bulk answer tells whether it never had one: then nothing
// can be kept from who asks.
func TestTreeTellsWhichFoldersNeverHadSecrets(t *testing.T) {
	for _, profile := range []devserver.Profile{devserver.Current, devserver.CurrentGo} {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		forest(t, w)
		w.edit(t, func(e *devserver.Editor) error {
			return errors.Join(e.Mkdir("demo", "prod", "/f0/emptied"), e.Set("demo", "prod", "/f0/emptied", "KEY", "x"), e.Delete("demo", "prod", "/f0/emptied", "KEY"))
		})
		list, err := w.client.Tree(t.Context(), prod, nil)
		require.NoError(t, err)
		never := map[string]bool{}
		for dir, f := range byDir(list) {
			never[dir.Path] = f.NeverHadSecrets
		}
		for path, want := range map[string]bool{"/": false, "/f0": true, "/f0/empty": true, "/f0/emptied": false, "/f0/g0": false} {
			require.Equal(t, want, never[path], path)
		}
	}
}

func TestTreeNamesHiddenSecrets(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	forest(t, w)
	w.edit(t, func(e *devserver.Editor) error { return e.Hide("viewer", "demo", "prod", "/f1/g1", "KEY") })
	list, err := w.client.Tree(t.Context(), prod, nil)
	require.NoError(t, err)
	folders := byDir(list)
	hidden(t, folders[secret.Dir{Project: "demo", Env: "prod", Path: "/f1/g1"}], "KEY")
	require.Equal(t, "/f1/g2", value(t, folders[secret.Dir{Project: "demo", Env: "prod", Path: "/f1/g2"}], "KEY"))
}

// A secret that is made between the two answers of which a bulk answer is made is no hidden one.
func TestTreeWhileSecretsAreMade(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	forest(t, w)
	for i := range 60 {
		var made sync.WaitGroup
		made.Go(func() {
			time.Sleep(time.Duration(i%20) * 100 * time.Microsecond)
			w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "prod", "/f1/g1", fmt.Sprint("NEW_", i), "x") })
		})
		list, err := w.client.Tree(t.Context(), prod, nil)
		require.NoError(t, err)
		for _, s := range byDir(list)[secret.Dir{Project: "demo", Env: "prod", Path: "/f1/g1"}].Secrets {
			require.False(t, s.Hidden, s.Name)
		}
		made.Wait()
	}
}

func TestTreeOfALeafIsItsOwnList(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	w.fetch(t, dev)
	w.ResetRequests()
	list, err := w.client.Tree(t.Context(), payments, nil)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.False(t, list[0].Partial)
	require.Len(t, w.Requests(), 2)
}

func TestTreeIsInexactWhereItWouldLie(t *testing.T) {
	for name, change := range map[string]func(*devserver.Editor) error{
		"import below":    func(e *devserver.Editor) error { return e.Import("demo", "prod", "/f1/g1", "dev", "/payments") },
		"slash in a name": func(e *devserver.Editor) error { return e.RenameFolder("demo", "prod", "/f1", "a/b") },
		"reference": func(e *devserver.Editor) error {
			if err := e.Set("demo", "prod", "/f1", "R", "${dev.payments.STRIPE_KEY}"); err != nil {
				return err
			}
			return e.Hide("viewer", "demo", "dev", "/payments", "STRIPE_KEY")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, devserver.Config{}, "viewer", nil)
			forest(t, w)
			w.edit(t, change)
			_, err := w.client.Tree(t.Context(), prod, nil)
			require.ErrorIs(t, err, secret.ErrInexact)
		})
	}
}

// A recursive list ends after twenty levels. What it tells of the folders above is
// the truth; what is deeper is left out, for its own list to tell.
func TestTreeOfADeepChain(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		forest(t, w)
		w.edit(t, func(e *devserver.Editor) error {
			for depth := 1; depth <= 25; depth++ {
				path := strings.Repeat("/deep", depth)
				if err := e.Mkdir("demo", "prod", path); err != nil {
					return err
				}
				if err := e.Set("demo", "prod", path, "KEY", fmt.Sprint(depth)); err != nil {
					return err
				}
			}
			return nil
		})
		w.fetch(t, prod)
		list, err := w.client.Tree(t.Context(), prod, nil)
		require.NoError(t, err)
		folders := byDir(list)
		for depth := 1; depth <= 25; depth++ {
			dir := secret.Dir{Project: "demo", Env: "prod", Path: strings.Repeat("/deep", depth)}
			f := folders[dir]
			if depth >= 20 {
				require.Nil(t, f, depth)
				continue
			}
			require.NotNil(t, f, depth)
			require.Equal(t, fmt.Sprint(depth), value(t, f, "KEY"))
			if !f.NoSubfolders {
				_, below := names(f)
				require.Equal(t, []string{"deep"}, below, depth)
			}
		}
		require.Equal(t, "/f1/g2", value(t, folders[secret.Dir{Project: "demo", Env: "prod", Path: "/f1/g2"}], "KEY"))
	})
}

// A server of 2024 lists secrets recursively but not folders.
func TestTreeOfAnOldServerLacksSubfolders(t *testing.T) {
	w := newWorld(t, devserver.Config{Profile: devserver.Y2024}, "viewer", nil)
	forest(t, w)
	w.fetch(t, prod)
	w.ResetRequests()
	list, err := w.client.Tree(t.Context(), prod, nil)
	require.NoError(t, err)
	require.Len(t, w.Requests(), 1)
	for _, f := range list {
		require.True(t, f.NoSubfolders)
		require.True(t, f.Partial)
	}
	root := byDir(list)[secret.Dir{Project: "demo", Env: "prod", Path: "/"}]
	require.NotNil(t, root)
	w.ResetRequests()
	whole, err := w.client.Fetch(t.Context(), root.Dir, root)
	require.NoError(t, err)
	require.Len(t, w.Requests(), 1, "only the subfolders were missing")
	_, subfolders := names(whole)
	require.Equal(t, []string{"f0", "f1", "f2", "f3", "f4"}, subfolders)
	require.False(t, whole.NoSubfolders)
}

func TestTreeOfProjects(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		list, err := w.client.Tree(t.Context(), secret.Dir{}, nil)
		require.NoError(t, err)
		folders := byDir(list)
		_, environments := names(folders[secret.Dir{Project: "demo"}])
		require.Equal(t, []string{"dev", "prod", "staging"}, environments)
		_, projects := names(folders[secret.Dir{}])
		require.Equal(t, []string{"demo"}, projects)
	})
}

// The folders of an environment come in one request, without their secrets, which then take one
// for each folder.
func TestFoldersAlone(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		folders, err := w.client.Folders(t.Context(), dev)
		if profile.Old() {
			require.ErrorIs(t, err, secret.ErrInexact)
			return
		}
		require.NoError(t, err)
		for _, f := range folders {
			require.True(t, f.NoSecrets && f.Partial && f.Secrets == nil, f.Dir)
			w.ResetRequests()
			whole, err := w.client.Fetch(t.Context(), f.Dir, f)
			require.NoError(t, err)
			require.Len(t, w.Requests(), 1)
			own := w.fetch(t, f.Dir)
			require.Equal(t, own.Folders, whole.Folders)
			require.Len(t, whole.Secrets, len(own.Secrets))
			for i, s := range own.Secrets {
				require.Equal(t, s.Name, whole.Secrets[i].Name)
				require.True(t, s.Value.Equal(whole.Secrets[i].Value))
			}
		}
		_, err = w.client.Folders(t.Context(), secret.Dir{Project: "demo"})
		require.ErrorIs(t, err, secret.ErrInexact)
	})
}
