package generation

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// left is what a process with those secrets leaves for the next one, as text.
func left(t *testing.T, snap *secret.Folder) (r Record, name string) {
	t.Helper()
	var h History
	g, err := h.Current(t.Context(), &folder{listed: snap})
	require.NoError(t, err)
	said, ok := h.Record()
	require.True(t, ok)
	text, err := json.Marshal(said)
	require.NoError(t, err)
	require.NotContains(t, string(text), "value")
	require.NoError(t, json.Unmarshal(text, &r))
	return r, g.Name
}

// The next process has the same generation again if the folder shows the same, and else
// another one, of which watchers are told.
func TestRecalled(t *testing.T) {
	hidden := secret.Folder{Dir: dev, Secrets: []secret.Secret{{Name: "A", Hidden: true}, {Name: "B"}}}
	dated := snap(started, "A", "a value", "B", "")
	dated.Secrets[0].Updated = started
	for what, c := range map[string]struct {
		now  *secret.Folder
		same bool
	}{
		"the same":      {snap(started.Add(time.Hour), "A", "a value", "B", ""), true},
		"another date":  {dated, true},
		"another value": {snap(started, "A", "a valuf", "B", ""), false},
		"cut elsewhere": {snap(started, "A", "a valu", "B", "e"), false},
		"one less":      {snap(started, "A", "a value"), false},
		"one more":      {snap(started, "A", "a value", "B", "", "C", ""), false},
		"another name":  {snap(started, "A", "a value", "C", ""), false},
		"one hidden":    {&hidden, false},
		"a folder's name": {func() *secret.Folder {
			f := snap(started, "A", "a value", "B", "")
			f.Folders = []secret.Subfolder{{Name: "A"}}
			return f
		}(), false},
		"another folder": {func() *secret.Folder {
			f := snap(started, "A", "a value", "B", "")
			f.Folders = []secret.Subfolder{{Name: "x"}}
			return f
		}(), true},
		"nothing any more": {snap(started), false},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, name := left(t, snap(started, "A", "a value", "B", ""))
				time.Sleep(time.Second)
				var h History
				h.Recall(r)
				require.Equal(t, name, h.Inherited())
				require.True(t, h.Untold())
				require.Nil(t, h.Latest())
				said, _ := h.Record()
				require.Equal(t, r, said, "as long as nobody asks, it is handed on as it is")
				g, err := h.Current(t.Context(), &folder{listed: c.now})
				require.NoError(t, err)
				require.Equal(t, c.same, g.Name == name)
				require.Equal(t, !c.same, h.Untold())
				require.Empty(t, h.Inherited())
				before, now := h.Tell()
				require.Equal(t, name, before.Name)
				require.Same(t, g, now)
				require.Equal(t, c.same, before == now)
				require.Equal(t, g.Name, g.Made.UTC().Format(NameForm))
				h.Recall(r) // once more, as where two processes talk for longer
				require.Equal(t, c.same, h.Latest() == g)
				require.False(t, h.Untold() == c.same)
				time.Sleep(Keeps)
			})
		})
	}
}

// An answer that is not the whole truth does not end what an earlier process has shown, and an
// error leaves it as it is.
func TestRecalledIsEndedByTheWholeTruth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, name := left(t, snap(started, "A", "a value", "B", ""))
		part := snap(started, "A", "a value")
		part.Partial = true
		var h History
		h.Recall(r)
		from := &folder{listed: part, err: secret.ErrUnavailable}
		_, err := h.Current(t.Context(), from)
		require.ErrorIs(t, err, secret.ErrUnavailable)
		require.Equal(t, name, h.Inherited())
		from.err, from.whole = nil, snap(started, "A", "a value", "B", "")
		from.proofs = 0
		g, err := h.Current(t.Context(), from)
		require.NoError(t, err)
		require.Equal(t, name, g.Name)
		require.NotZero(t, from.proofs)
	})
}

// What was revoked is not shown again under the same name, and each generation is noted once.
func TestRecordsOfWhatIsRevoked(t *testing.T) {
	var h History
	_, ok := h.Record()
	require.False(t, ok)
	var noted []Record
	note := func() { h.Note(func(r Record) { noted = append(noted, r) }) }
	note()
	require.Empty(t, noted)
	from := &folder{listed: snap(started, "A", "a value")}
	g, err := h.Current(t.Context(), from)
	require.NoError(t, err)
	note()
	note()
	require.Len(t, noted, 1)
	require.True(t, noted[0].shows(from.listed))
	g.Revoke()
	r, ok := h.Record()
	require.True(t, ok)
	require.Equal(t, g.Name, r.Name)
	require.False(t, r.shows(from.listed))
	require.False(t, r.shows(nil))
}
