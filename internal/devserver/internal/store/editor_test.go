package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An editor changes what is there, and counts no change where something is missing.
func TestAnEditorChangesWhatIsThere(t *testing.T) {
	st := sampleState(t)
	changes, approvals := 0, false
	var dropped []*Token
	e := NewEditor(func(f func(*State, time.Time) error) error {
		err := f(st, noon)
		if err == nil {
			changes++
		}
		return err
	}, func(t *Token) { dropped = append(dropped, t) }, func(p Policies) { approvals = p.All })

	for _, row := range []struct {
		name string
		edit func() error
		want string // of the error; empty: none
	}{
		{"new secret", func() error { return e.Set("demo", "dev", "/", "NEW", "a") }, ""},
		{"new version", func() error { return e.Set("demo", "dev", "/", "NEW", "b") }, ""},
		{"rename", func() error { return e.Rename("demo", "dev", "/", "NEW", "NEWER") }, ""},
		{"no secret", func() error { return e.Delete("demo", "dev", "/", "NEW") }, "there is no secret NEW in / of demo/dev"},
		{"folders", func() error { return e.Mkdir("demo", "dev", "/a/b") }, ""},
		{"root", func() error { return e.Rmdir("demo", "dev", "/") }, "the root folder cannot be removed"},
		{"no folder", func() error { return e.Import("demo", "dev", "/nothing", "dev", "/a") }, "there is no folder /nothing in demo/dev"},
		{"no environment", func() error { return e.Mkdir("demo", "nothing", "/a") }, "there is no environment nothing in project demo"},
		{"no project", func() error { return e.Grant("viewer", "nothing", "admin") }, "there is no project nothing"},
		{"no identity", func() error { return e.Revoke("nobody") }, "there is no identity nobody"},
		{"rule", func() error { return e.Deny("viewer", "demo", "dev", "/a") }, ""},
		{"approvals", func() error { return e.SetApprovals(true) }, ""},
	} {
		before := changes
		if err := row.edit(); row.want != "" {
			require.EqualError(t, err, row.want, row.name)
			require.Equal(t, before, changes, row.name)
			continue
		} else {
			require.NoError(t, err, row.name)
		}
		require.Equal(t, before+1, changes, row.name)
	}
	x := st.Folder("demo", "dev", "/").Shared("NEWER")
	require.Equal(t, 3, x.Version)
	require.Equal(t, "b", x.Value)
	require.NotNil(t, st.Folder("demo", "dev", "/a/b"))
	require.Equal(t, "/a", st.Rules[0].Path)
	require.True(t, approvals)

	viewer := st.IdentityNamed("viewer")
	st.Tokens = []*Token{{ID: "1", IdentityID: viewer.ID}, {ID: "2", IdentityID: "another"}}
	require.NoError(t, e.Revoke("viewer"))
	require.Equal(t, st.Tokens[:1], dropped)
}
