package fs

import (
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/diff"
	"infisicalfs/internal/fusetest"
	"infisicalfs/internal/glob"
	"infisicalfs/internal/rights"
	"infisicalfs/secret"
)

func rule(pattern string, mode, uid, gid *uint32) rights.Rule {
	p, err := glob.Parse(pattern)
	if err != nil {
		panic(err)
	}
	return rights.Rule{Files: p, Rights: rights.Rights{Mode: mode, UID: uid, GID: gid}}
}

// requireRights checks mode and owner of a file.
func requireRights(t *testing.T, v fusetest.View, path string, mode, uid, gid uint32) {
	t.Helper()
	a, err := v.Stat(path)
	require.NoError(t, err)
	require.Equal(t, []uint32{mode, uid, gid}, []uint32{a.Mode & 0o7777, a.UID, a.GID}, path)
}

// The last rule that matches counts, as a whole.
func TestRules(t *testing.T) {
	rules := func(c *Config) {
		c.Root, c.UID, c.GID = dev, somebody(1), 2
		c.Rules = []rights.Rule{
			rule("**/*_KEY", new(uint32(0o440)), nil, new(uint32(5))),
			rule("payments/*", new(uint32(0o4400)), new(somebody(7)), nil),
			rule("EMPTY", nil, new(somebody(8)), new(uint32(9))),
		}
	}
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		w.Set(dev, "A_KEY", "x")
		w.Set(payments.Child("eu"), "B_KEY", "x")
		requireRights(t, v, "/GREETING", 0o400, somebody(1), 2)
		requireRights(t, v, "/A_KEY", 0o440, somebody(1), 5)
		requireRights(t, v, "/payments/API_KEY", 0o400, somebody(7), 2)
		requireRights(t, v, "/payments/eu/B_KEY", 0o440, somebody(1), 5)
		requireRights(t, v, "/EMPTY", 0o400, somebody(8), 9)
	}, rules)
}

// Patterns are matched against names as they are shown.
func TestRulesGoByFileNames(t *testing.T) {
	w := newWorld(func(c *Config) {
		c.Root, c.Rules = dev, []rights.Rule{rule("a%2Fb", new(uint32(0o444)), nil, nil), rule("100%25", new(uint32(0o440)), nil, nil)}
	})
	w.Set(dev, "a/b", "x")
	w.Set(dev, "100%", "x")
	k := fusetest.Direct(t, w.Root(), w.Options())
	requireRights(t, k, "/a%2Fb", 0o444, w.cfg.UID, 0)
	requireRights(t, k, "/100%25", 0o440, w.cfg.UID, 0)
}

func TestRightsFromTheServer(t *testing.T) {
	accounts := func(name string, group bool) (uint32, bool) {
		id, ok := map[string]uint32{"postgres": 70, "root": 0}[name]
		return id, ok
	}
	for _, tc := range []struct {
		metadata       string
		mode, uid, gid uint32
		warning        string
	}{
		{"", 0o400, 1, 2, ""},
		{"other=x", 0o400, 1, 2, ""},
		{"fs.mode=0440", 0o440, 1, 2, ""},
		{"fs.mode=40", 0o040, 1, 2, ""},
		{"fs.mode=0440 fs.owner=postgres fs.group=postgres", 0o440, 70, 70, ""},
		{"fs.owner=70", 0o400, 70, 2, ""},
		{"fs.mode=0444", 0o400, 1, 2, "fs.mode=0444 has bits that --server-modes=0440 does not allow"},
		{"fs.mode=04440", 0o400, 1, 2, "fs.mode=4440 has bits"},
		{"fs.mode=77777777777", 0o400, 1, 2, "no octal number"},
		{"fs.mode=17777777777", 0o400, 1, 2, "has bits"},
		{"fs.mode=0640", 0o400, 1, 2, "has bits"},
		{"fs.mode=rw", 0o400, 1, 2, "no octal number"},
		{"fs.mode=0440 fs.owner=nosuch", 0o400, 1, 2, "does not exist on this machine"},
		{"fs.owner=root", 0o400, 1, 2, "fs.owner is root"},
		{"fs.owner=0", 0o400, 1, 2, "fs.owner is root"},
		{"fs.mode=0440 fs.group=0", 0o400, 1, 2, "fs.group is root"},
		{"fs.owner=4294967295", 0o400, 1, 2, "no account"},
		{"fs.owner=-1", 0o400, 1, 2, "does not exist"},
	} {
		w := newWorld(func(c *Config) {
			c.Root, c.UID, c.GID = dev, 1, 2
			c.ServerRights = &rights.Server{Ceiling: 0o440, Account: accounts}
		})
		s := secret.Secret{Name: "K", ID: "k", Version: 1, Value: secret.NewValue("x")}
		for pair := range strings.FieldsSeq(tc.metadata) {
			key, value, _ := strings.Cut(pair, "=")
			s.Metadata = append(s.Metadata, secret.Metadata{Key: key, Value: value})
		}
		w.Put(dev, s)
		k := fusetest.Direct(t, w.Root(), w.Options())
		requireRights(t, k, "/K", tc.mode, tc.uid, tc.gid)
		requireRights(t, k, "/K", tc.mode, tc.uid, tc.gid)
		if tc.warning == "" {
			require.NotContains(t, w.logs.String(), "metadata", tc.metadata)
		} else {
			require.Equal(t, 1, strings.Count(w.logs.String(), tc.warning), "%s: %s", tc.metadata, w.logs)
		}
	}
}

// Whom the server gives a file gets no more of it than the ceiling has, also where
// the mount's own mode has more.
func TestACeilingForTheMountsMode(t *testing.T) {
	for _, tc := range []struct {
		key, value     string
		mode, uid, gid uint32
	}{
		{"fs.owner", "70", 0o440, 70, 2},
		{"fs.group", "70", 0o440, 1, 70},
		{"fs.mode", "0400", 0o400, 1, 2},
		{"other", "x", 0o664, 1, 2},
	} {
		w := newWorld(func(c *Config) {
			c.Root, c.UID, c.GID, c.FileMode = dev, 1, 2, 0o664
			c.ServerRights = &rights.Server{Ceiling: 0o440}
		})
		w.Put(dev, secret.Secret{Name: "K", Metadata: []secret.Metadata{{Key: tc.key, Value: tc.value}}})
		requireRights(t, fusetest.Direct(t, w.Root(), w.Options()), "/K", tc.mode, tc.uid, tc.gid)
	}
}

// Without a ceiling the server has no say; a rule of the mount's wins over it.
func TestWhoseWordCounts(t *testing.T) {
	asks := secret.Secret{Name: "K", Metadata: []secret.Metadata{{Key: "fs.mode", Value: "0444"}, {Key: "fs.owner", Value: "0"}}}
	w := newWorld(func(c *Config) { c.Root, c.UID = dev, 1 })
	w.Put(dev, asks)
	requireRights(t, fusetest.Direct(t, w.Root(), w.Options()), "/K", 0o400, 1, 0)

	w = newWorld(func(c *Config) {
		c.Root, c.UID, c.ServerRights = dev, 0, &rights.Server{Ceiling: 0o444}
		c.Rules = []rights.Rule{rule("K", new(uint32(0o404)), nil, nil)}
	})
	w.Put(dev, asks)
	requireRights(t, fusetest.Direct(t, w.Root(), w.Options()), "/K", 0o404, 0, 0)
}

// New metadata is told to the kernel, also if the value stays.
func TestNewRightsAreNews(t *testing.T) {
	w := newWorld(func(c *Config) { c.Root = dev })
	before := snapshot(t, w, dev)
	s, _ := before.Secret("GREETING")
	s.Metadata = []secret.Metadata{{Key: "fs.mode", Value: "0440"}}
	w.Put(dev, s)
	var out outdated
	out.sort(diff.Folders(before, snapshot(t, w, dev), nil))
	require.Equal(t, outdated{content: []string{"GREETING"}}, out)
}

// A file that is being made has the rights that it will have.
func TestRulesForWhatIsMade(t *testing.T) {
	w, k := alone(t, func(c *Config) { c.Root, c.Rules = dev, []rights.Rule{rule("*.key", new(uint32(0o640)), nil, nil)} })
	f, err := k.CreateFile("/server.key", syscall.O_WRONLY, 0o644)
	require.NoError(t, err)
	requireRights(t, k, "/server.key", 0o640, w.cfg.UID, 0)
	require.NoError(t, f.Close())
	requireRights(t, k, "/server.key", 0o640, w.cfg.UID, 0)
}

// What would not be shown is not made: neither secrets nor folders, nor by a rename.
func TestRefusedNames(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.ErrorIs(t, v.Create("/OTHER"), syscall.EPERM)
		require.ErrorIs(t, v.Rename("/GREETING", "/OTHER"), syscall.EPERM)
		require.ErrorIs(t, v.Mkdir("/OTHER"), syscall.EPERM)
		require.ErrorIs(t, v.Rename("/payments", "/OTHER"), syscall.EPERM)
		require.NoError(t, v.Create("/.OTHER.swp"), "what stays here is nobody's business")
		require.ErrorIs(t, v.Rename("/.OTHER.swp", "/OTHER"), syscall.EPERM)
		require.NoError(t, v.Create("/NEW"))
		_, err := v.Stat("/NEW")
		require.NoError(t, err)
	}, func(c *Config) {
		c.Root = dev
		c.Refuses = func(dir secret.Dir, name string, folder bool) error {
			if name == "OTHER" {
				return errViewName
			}
			return nil
		}
	})
}
