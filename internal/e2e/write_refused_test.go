package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

// refusedAtOpen fails the test unless opening for writing fails, before a program
// that checks no close has a chance to lose what it writes.
func refusedAtOpen(t *testing.T, path string, want error, flags int) {
	t.Helper()
	file, err := os.OpenFile(path, flags, 0o644)
	if err == nil {
		file.Close()
	}
	require.ErrorIs(t, err, want, path)
}

const (
	overwrite = os.O_WRONLY | os.O_TRUNC
	create    = os.O_WRONLY | os.O_CREATE
)

func TestAReadOnlyMountRefusesAtOpen(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		refusedAtOpen(t, d.at("desk/KEY"), unix.EROFS, overwrite)
		refusedAtOpen(t, d.at("desk/NEW"), unix.EROFS, create)
		require.ErrorIs(t, os.Remove(d.at("desk/KEY")), unix.EROFS)
		require.ErrorIs(t, os.Rename(d.at("desk/KEY"), d.at("desk/B")), unix.EROFS)
		require.ErrorIs(t, os.Mkdir(d.at("desk/sub"), 0o755), unix.EROFS)
		require.ErrorIs(t, os.Remove(d.at("desk")), unix.EROFS)
		require.ErrorIs(t, os.Truncate(d.at("desk/KEY"), 0), unix.EROFS)
		require.ErrorIs(t, unix.Setxattr(d.at("desk/KEY"), "user.infisical.comment", []byte("x"), 0), unix.EROFS)
		info, err := os.Stat(d.at("desk/KEY"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o400), info.Mode().Perm())
		d.holds(t, "desk/KEY", old)
		require.Empty(t, d.record.writes("desk"))
	}, "--read-only")
}

// A value with references is shown expanded: writing it back would put an end
// to them.
func TestReferencesAreNotFlattened(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		t.Parallel()
		const stored = "http://${HOST}/x"
		with := func(t *testing.T, flags ...string) *desk {
			d := newDesk(t, profile, []string{"desk"}, flags...)
			d.have(t, "desk", map[string]string{"HOST": "host.invalid", "URL": stored})
			return d
		}
		t.Run("refused", func(t *testing.T) {
			t.Parallel()
			d := with(t)
			text, err := os.ReadFile(d.at("desk/URL"))
			require.NoError(t, err)
			require.Equal(t, "http://host.invalid/x", string(text))
			refusedAtOpen(t, d.at("desk/URL"), unix.EPERM, overwrite)
			refusedAtOpen(t, d.at("desk/URL"), unix.EPERM, os.O_WRONLY|os.O_APPEND)
			refusedAtOpen(t, d.at("desk/URL"), unix.EPERM, os.O_RDWR)
			require.ErrorIs(t, os.Truncate(d.at("desk/URL"), 0), unix.EPERM)
			require.Empty(t, d.record.writes("desk"))
			require.Equal(t, stored, d.stored(t, "desk/URL").Value)

			require.NoError(t, os.Rename(d.at("desk/URL"), d.at("desk/LINK")))
			require.Equal(t, stored, d.stored(t, "desk/LINK").Value, "a rename moves what is stored")
			text, err = os.ReadFile(d.at("desk/LINK"))
			require.NoError(t, err)
			require.Equal(t, "http://host.invalid/x", string(text))
			require.NoError(t, os.Mkdir(d.at("desk/sub"), 0o755))
			require.NoError(t, os.Rename(d.at("desk/LINK"), d.at("desk/sub/LINK")))
			if profile.Old() {
				require.Equal(t, stored, d.stored(t, "desk/sub/LINK").Value)
			} else { // the server lets the reference follow
				require.Equal(t, "http://${dev.desk.HOST}/x", d.stored(t, "desk/sub/LINK").Value)
				require.Equal(t, "http://host.invalid/x", readFile(t, d.at("desk/sub/LINK")))
			}

			sh(t, d.at("desk/sub"), `rm LINK; printf flat > LINK`) // that is deliberate
			d.holds(t, "desk/sub/LINK", "flat")
		})
		t.Run("renamed onto", func(t *testing.T) {
			t.Parallel()
			d := with(t)
			sh(t, d.at("desk"), `printf %s other > OTHER; mv URL OTHER`)
			require.Equal(t, stored, d.stored(t, "desk/OTHER").Value, "never expanded")
			d.keeps(t, "other")
		})
		t.Run("raw", func(t *testing.T) {
			t.Parallel()
			d := with(t, "--expand=false")
			d.holds(t, "desk/URL", stored)
			sh(t, d.at("desk"), `sed -i s/x/y/ URL`)
			d.holds(t, "desk/URL", "http://${HOST}/y")
		})
		t.Run("overwrite", func(t *testing.T) {
			t.Parallel()
			d := with(t, "--overwrite")
			sh(t, d.at("desk"), `printf flat > URL`)
			d.holds(t, "desk/URL", "flat")
		})
		t.Run("by sed", func(t *testing.T) {
			t.Parallel()
			d := with(t)
			cmd := shell(d.at("desk"), `sed -i s/x/y/ URL`)
			require.Error(t, cmd.Run())
			require.Equal(t, stored, d.stored(t, "desk/URL").Value, "the expanded text is not put in its place by a rename")
		})
	})
}

func TestRotatedSecretsAreRefused(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		d.edit(t, func(e *devserver.Editor) error { return e.Rotate("demo", "dev", "/desk", "KEY", true) })
		d.refresh(t)
		if !d.profile.Old() {
			refusedAtOpen(t, d.at("desk/KEY"), unix.EPERM, overwrite)
		}
		require.ErrorIs(t, os.WriteFile(d.at("desk/KEY"), []byte("x"), 0o644), unix.EPERM)
		require.ErrorIs(t, os.Remove(d.at("desk/KEY")), unix.EPERM)
		require.ErrorIs(t, os.Rename(d.at("desk/KEY"), d.at("desk/B")), unix.EPERM)
		d.holds(t, "desk/KEY", old)
	})
}

// An identity that may only read is told so; the second time at open.
func TestAViewerIsDenied(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, profile devserver.Profile) {
		t.Parallel()
		w := newWorld(t, devserver.Config{Profile: profile})
		d := &desk{world: w, mounted: w.mount(t, "viewer"), profile: profile, record: newRecord(w.Server)}
		err := os.WriteFile(d.at("GREETING"), []byte("mine now"), 0o644)
		require.ErrorIs(t, err, unix.EACCES)
		refusedAtOpen(t, d.at("GREETING"), unix.EACCES, overwrite)
		err = os.WriteFile(d.at("NEW"), []byte("x"), 0o644)
		require.ErrorIs(t, err, unix.EACCES)
		refusedAtOpen(t, d.at("NEW"), unix.EACCES, create)
		require.ErrorIs(t, os.Remove(d.at("GREETING")), unix.EACCES)
		require.ErrorIs(t, os.Rename(d.at("GREETING"), d.at("B")), unix.EACCES)
		require.ErrorIs(t, os.Rename(d.at("GREETING"), d.at("DB_HOST")), unix.EACCES)
		require.ErrorIs(t, os.Mkdir(d.at("sub"), 0o755), unix.EACCES)
		d.holds(t, "GREETING", "hello, world")
		d.keeps(t, "mine now")
	})
}

// A user's change of a shared secret may need an approval, which is no success.
func TestAnApprovalIsNoSuccess(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, profile devserver.Profile) {
		t.Parallel()
		d := userDesk(t, devserver.Config{Profile: profile, Approvals: true}, "--personal=false")
		if profile == devserver.July2024 { // whose old routes ask for no approval: it is a success
			sh(t, d.at(), `printf 'mine now' > GREETING`)
			d.holds(t, "GREETING", "mine now")
			return
		}
		require.ErrorIs(t, os.WriteFile(d.at("GREETING"), []byte("mine now"), 0o644), unix.EPERM)
		require.ErrorIs(t, os.WriteFile(d.at("NEW"), []byte("x"), 0o644), unix.EPERM)
		require.ErrorIs(t, os.Remove(d.at("GREETING")), unix.EPERM)
		require.ErrorIs(t, os.Rename(d.at("GREETING"), d.at("B")), unix.EPERM)
		require.NoError(t, os.Mkdir(d.at("sub"), 0o755))
		require.ErrorIs(t, os.Rename(d.at("GREETING"), d.at("sub/GREETING")), unix.EPERM)
		d.holds(t, "GREETING", "hello, world")
		d.keeps(t, "mine now")
	})
}

// A person's own override is shown, and not mistaken for the shared value.
func TestOverridesAreNotWritten(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, profile devserver.Profile) {
		t.Parallel()
		d := userDesk(t, devserver.Config{Profile: profile})
		d.edit(t, func(e *devserver.Editor) error { return e.SetPersonal("demo", "dev", "/", "GREETING", "mine") })
		d.refresh(t)
		text, err := os.ReadFile(d.at("GREETING"))
		require.NoError(t, err)
		require.Equal(t, "mine", string(text))
		refusedAtOpen(t, d.at("GREETING"), unix.EPERM, overwrite)
		require.Equal(t, "hello, world", d.stored(t, "GREETING").Value)

		shared := userDesk(t, devserver.Config{Profile: profile}, "--personal=false")
		shared.edit(t, func(e *devserver.Editor) error { return e.SetPersonal("demo", "dev", "/", "GREETING", "mine") })
		shared.refresh(t)
		sh(t, shared.at(), `printf shared > GREETING`)
		shared.holds(t, "GREETING", "shared")
	})
}

// userDesk is a desk of the user, who is logged in by a token in a file.
func userDesk(t *testing.T, cfg devserver.Config, flags ...string) *desk {
	t.Helper()
	w := newWorld(t, cfg)
	file := filepath.Join(w.tmp, "token")
	require.NoError(t, os.WriteFile(file, []byte(w.UserToken()), 0o600))
	return &desk{world: w, mounted: w.mount(t, "admin", append(flags, "--token-file="+file)...), profile: cfg.Profile, record: newRecord(w.Server)}
}

// Where nothing is known of a folder, nothing is promised about it.
func TestNoServerNoOpen(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.edit(t, func(e *devserver.Editor) error {
			return errors.Join(e.Mkdir("demo", "prod", "/unseen"), e.Set("demo", "prod", "/unseen", "KEY", old))
		})
		remove := d.Inject(devserver.Fault{Match: notLogin, Reset: true})
		defer remove()
		for _, path := range []string{d.path("demo/prod/unseen/KEY"), d.path("demo/prod/unseen/NEW"), d.path("demo/prod/NEW")} {
			file, err := os.OpenFile(path, create, 0o644)
			if err == nil {
				file.Close()
			}
			require.Error(t, err, path)
			require.NotErrorIs(t, err, unix.ENOENT)
		}
	}, impatient...)
}
