package diff

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/secret"
)

var (
	dev     = secret.Dir{Project: "demo", Env: "dev", Path: "/"}
	started = time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)
)

// plainDiff says the same as Folders, the plain way: everything that is shown is
// compared with everything that was.
func plainDiff(before, after *secret.Folder) (list []Difference) {
	old := map[string]filename.Entry{}
	for name, e := range filename.All(before) {
		old[name] = e
	}
	for name, e := range filename.All(after) {
		was, ok := old[name]
		delete(old, name)
		if d := (Difference{name, was, e}); !ok || d.Replaced() || !same(was, e) {
			list = append(list, d)
		}
	}
	for name, was := range old {
		list = append(list, Difference{Shown: name, Before: was})
	}
	return list
}

// words makes differences comparable.
func words(list []Difference) (said []string) {
	word := func(e filename.Entry) string {
		switch {
		case e.Folder != nil:
			return "folder " + e.Folder.Name + e.Folder.Updated.String()
		case e.Secret != nil:
			return "secret " + e.Secret.Name + e.Secret.Value.Reveal() + e.Secret.Updated.String()
		}
		return "nothing"
	}
	for _, d := range list {
		said = append(said, fmt.Sprintf("%q: %s, then %s", d.Shown, word(d.Before), word(d.After)))
	}
	slices.Sort(said)
	return said
}

// randomFolder has some of the names, which are those of secrets, of folders, or of
// both.
func randomFolder(r *rand.Rand, names []string) *secret.Folder {
	snap := &secret.Folder{Dir: dev}
	for _, name := range names {
		date := started.Add(time.Duration(r.IntN(2)) * time.Hour)
		if r.IntN(3) > 0 {
			snap.Secrets = append(snap.Secrets, secret.Secret{Name: name, Value: secret.NewValue(fmt.Sprint(r.IntN(2))), Updated: date})
		}
		if r.IntN(3) == 0 && dev.Leads(name) {
			snap.Folders = append(snap.Folders, secret.Subfolder{Name: name, Updated: date})
		}
	}
	snap.Sort()
	return snap
}

// randomName likes to return what is not shown as it is called.
func randomName(r *rand.Rand) string {
	pieces := []string{"A", "B", "%", "%secret", "/", ".", "..", "\x00", "é", "\xff", " ", strings.Repeat("x", 120), strings.Repeat("y", 248)}
	var b strings.Builder
	for range r.IntN(5) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

func TestDiff(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 11))
	for range 3000 {
		names := []string{strings.Repeat("long", 100), "A", "B%", "a.b"}
		for range r.IntN(10) {
			names = append(names, randomName(r))
		}
		slices.Sort(names)
		names = slices.Compact(names)
		before, after := randomFolder(r, names), randomFolder(r, names)
		want := words(plainDiff(before, after))
		require.Equal(t, want, words(Folders(before, after, nil)))
		require.Equal(t, want, words(Folders(before, after, names)), "all names are said to be concerned")
		require.Empty(t, Folders(before, before, nil))
		require.Empty(t, Folders(before, after, []string{}))

		// What is not said to be concerned is not looked at.
		some := names[:r.IntN(len(names)+1)]
		var wantSome []Difference
		for _, d := range plainDiff(before, after) {
			name := cmp.Or(nameIn(d.Before), nameIn(d.After))
			if slices.Contains(some, name) {
				wantSome = append(wantSome, d)
			}
		}
		require.Equal(t, words(wantSome), words(Folders(before, after, some)))
	}
}

func nameIn(e filename.Entry) string {
	switch {
	case e.Folder != nil:
		return e.Folder.Name
	case e.Secret != nil:
		return e.Secret.Name
	}
	return ""
}

// What is denied from now on may be open still, also if it was damaged before.
func TestDenied(t *testing.T) {
	value := secret.Secret{Name: "KEY", Value: secret.NewValue("x"), Updated: started}
	damaged := secret.Secret{Name: "KEY", Hidden: true, Garbled: true, Updated: started}
	denied := secret.Secret{Name: "KEY", Hidden: true, Updated: started}
	later := secret.Secret{Name: "KEY", Hidden: true, Updated: started.Add(time.Hour)}
	for name, c := range map[string]struct {
		before        *secret.Secret // nil: there was none
		after         secret.Secret
		denied, hides bool
	}{
		"a value":                 {&denied, value, false, false},
		"a value that is denied":  {&value, denied, true, true},
		"a value that is damaged": {&value, damaged, false, false},
		"damaged, and denied":     {&damaged, denied, true, true},
		"denied as before":        {&denied, denied, false, false},
		"denied, of another date": {&denied, later, true, false},
		"denied from the start":   {nil, denied, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			change := secret.Change{Dir: dev, New: &secret.Folder{Dir: dev, Secrets: []secret.Secret{c.after}}}
			if c.before != nil {
				change.Old = &secret.Folder{Dir: dev, Secrets: []secret.Secret{*c.before}}
			}
			list := Of(change)
			require.Equal(t, c.denied, slices.ContainsFunc(list, Difference.Denied))
			require.Equal(t, c.hides, slices.ContainsFunc(list, Difference.Hides))
		})
	}
	require.Empty(t, Of(secret.Change{Dir: dev}))
}
