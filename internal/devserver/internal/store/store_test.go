package store

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func sampleState(t *testing.T) *State {
	st, err := New(Sample(), noon)
	require.NoError(t, err)
	return st
}

func TestAPathFindsAFolder(t *testing.T) {
	st := sampleState(t)
	for path, found := range map[string]bool{
		"/": true, "/payments": true,
		"": false, "payments": false, "/payments/": false, "//": false, "/nothing": false,
	} {
		require.Equal(t, found, st.Folder("demo", "dev", path) != nil, path)
	}
	require.Nil(t, st.Folder("nothing", "dev", "/"))
	require.Nil(t, st.Folder("demo", "nothing", "/"))
}

func TestPathsAsTheyAreLookedUp(t *testing.T) {
	for _, c := range []struct{ given, secret, folder string }{
		{"/", "/", "/"},
		{" /a/ ", "/a", "/a"},
		{"a", "a", "/a"},
		{"\ufeff/a", "/a", "/a"},
	} {
		require.Equal(t, c.secret, SecretPath(c.given), "%q", c.given)
		require.Equal(t, c.folder, FolderPath(c.given), "%q", c.given)
	}
}

func TestWhatIsStoredOfAValue(t *testing.T) {
	for given, want := range map[string]string{
		"v": "v", " v ": "v", "v\n\n": "v\n", "v\n ": "v", "\n": "\n", "": "", "\u00a0v\u3000": "v", "\u0085v": "\u0085v",
	} {
		require.Equal(t, want, StoredValue(given), "%q", given)
	}
}

func TestAChangeKeepsTheVersionBefore(t *testing.T) {
	f := sampleState(t).Folder("demo", "dev", "/")
	x := f.Shared("GREETING")
	f.Change(x, noon.Add(time.Hour), func(x *Secret) { x.Key, x.Value = "HELLO", "new" })
	require.Equal(t, 2, x.Version)
	before, ok := x.VersionAt(1)
	require.True(t, ok)
	require.Equal(t, Version{1, "GREETING", "hello, world", "", noon}, before)
	require.Same(t, x, f.VersionOf("GREETING", 1), "by the name of then")
	require.Nil(t, f.VersionOf("HELLO", 1))
	_, ok = x.VersionAt(3)
	require.False(t, ok)
}

func TestReferencesFollow(t *testing.T) {
	st := sampleState(t)
	p := st.ProjectBySlug("demo")
	dev := p.Env("dev")
	root := Place{p, dev, "/", dev.Root}
	payments := Place{p, dev, "/payments", st.Folder("demo", "dev", "/payments")}

	root.RenameReferences("DB_HOST", "HOST", noon)
	require.Contains(t, root.Folder.Shared("DATABASE_URL").Value, "${HOST}")
	require.Equal(t, "https://${dev.HOST}/hook", payments.Folder.Shared("WEBHOOK_URL").Value)

	MoveReferences(root, payments, []string{"HOST"}, noon)
	require.Contains(t, root.Folder.Shared("DATABASE_URL").Value, "${dev.payments.HOST}")
	require.Equal(t, "https://${HOST}/hook", payments.Folder.Shared("WEBHOOK_URL").Value)
	require.Equal(t, "${dev.DB_USER} ${STRIPE_KEY}", MovedText("${DB_USER} ${STRIPE_KEY}", root, payments))
}

func TestTokensAreVerified(t *testing.T) {
	st, other := sampleState(t), sampleState(t)
	token := st.UserToken(noon)
	for _, c := range []struct {
		by    *State
		text  string
		at    time.Time
		wrong string
	}{
		{st, token, noon, ""},
		{st, "a.b", noon, "malformed"},
		{st, "a.?.c", noon, "malformed"},
		{other, token, noon, "invalid signature"},
		{st, token, noon.Add(10 * 24 * time.Hour), "expired"},
	} {
		claims, err := c.by.Verify(c.text, c.at)
		if c.wrong != "" {
			require.ErrorContains(t, err, c.wrong)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, st.User.ID, claims.UserID)
	}
}

func TestASeedThatContradictsItself(t *testing.T) {
	dev := SeedEnvironment{Slug: "dev"}
	for what, seed := range map[string]*Seed{
		"no slug":         {Projects: []SeedProject{{}}},
		"two projects":    {Projects: []SeedProject{{Slug: "a"}, {Slug: "a"}}},
		"there twice":     {Projects: []SeedProject{{Slug: "a", Environments: []SeedEnvironment{dev, dev}}}},
		"two identities":  {Identities: []SeedIdentity{{Name: "a"}, {Name: "a"}}},
		"which is no pro": {Identities: []SeedIdentity{{Name: "a", Roles: map[string]string{"b": "admin"}}}},
	} {
		_, err := New(seed, noon)
		require.ErrorContains(t, err, what)
	}
}

func TestNoDataFileIsNoState(t *testing.T) {
	st, err := Load(filepath.Join(t.TempDir(), "nothing"))
	require.NoError(t, err)
	require.Nil(t, st)
}
