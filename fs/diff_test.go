package fs

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// shown ranges over what a snapshot shows, by file name.
func shown(snap *secret.Folder) func(yield func(string, entry) bool) {
	return func(yield func(string, entry) bool) {
		for i := range snap.Folders {
			if !yield(EncodeName(snap.Folders[i].Name), entry{folder: &snap.Folders[i]}) {
				return
			}
		}
		for i := range snap.Secrets {
			if !yield(shownSecret(snap, snap.Secrets[i].Name), entry{secret: &snap.Secrets[i]}) {
				return
			}
		}
	}
}

// plainDiff says the same as diff, the plain way: everything that is shown is
// compared with everything that was.
func plainDiff(before, after *secret.Folder) (list []difference) {
	old := map[string]entry{}
	for name, e := range shown(before) {
		old[name] = e
	}
	for name, e := range shown(after) {
		was, ok := old[name]
		delete(old, name)
		if !ok || !sameThing(was, e) || !sameContent(was, e) {
			list = append(list, difference{name, was, e})
		}
	}
	for name, was := range old {
		list = append(list, difference{shown: name, before: was})
	}
	return list
}

// words makes differences comparable.
func words(list []difference) (said []string) {
	word := func(e entry) string {
		switch {
		case e.folder != nil:
			return "folder " + e.folder.Name + e.folder.Updated.String()
		case e.secret != nil:
			return "secret " + e.secret.Name + e.secret.Value.Reveal() + e.secret.Updated.String()
		}
		return "nothing"
	}
	for _, d := range list {
		said = append(said, fmt.Sprintf("%q: %s, then %s", d.shown, word(d.before), word(d.after)))
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
		if r.IntN(3) == 0 && addressable(dev, name) {
			snap.Folders = append(snap.Folders, secret.Subfolder{Name: name, Updated: date})
		}
	}
	snap.Sort()
	return snap
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
		require.Equal(t, want, words(diff(before, after, nil)))
		require.Equal(t, want, words(diff(before, after, names)), "all names are said to be concerned")
		require.Empty(t, diff(before, before, nil))
		require.Empty(t, diff(before, after, []string{}))

		// What is not said to be concerned is not looked at.
		some := names[:r.IntN(len(names)+1)]
		var wantSome []difference
		for _, d := range plainDiff(before, after) {
			name := cmp.Or(nameIn(d.before), nameIn(d.after))
			if slices.Contains(some, name) {
				wantSome = append(wantSome, d)
			}
		}
		require.Equal(t, words(wantSome), words(diff(before, after, some)))
	}
}

func nameIn(e entry) string {
	switch {
	case e.folder != nil:
		return e.folder.Name
	case e.secret != nil:
		return e.secret.Name
	}
	return ""
}

// Of a change that says what it is about nothing else is looked at, whatever the
// folder has besides.
func TestNewsLookAtWhatTheyAreAbout(t *testing.T) {
	w := newWorld(func(c *Config) { c.Notify, c.Poke = NotifyFull, func(func(int)) error { return nil } })
	for i := range 100 {
		w.Set(dev, fmt.Sprint("KEY_", i), "x")
	}
	before := snapshot(t, w, dev)
	for i := range 100 {
		w.Set(dev, fmt.Sprint("KEY_", i), "y")
	}
	w.Remove(dev, "KEY_7")
	w.Put(dev, secret.Secret{Name: "KEY_9", Hidden: true})
	change := secret.Change{Dir: dev, Old: before, New: snapshot(t, w, dev), Names: []string{"KEY_7", "KEY_8"}}
	out, ok := w.outdated(change)
	require.True(t, ok)
	require.Equal(t, []string{"KEY_7"}, out.entries)
	require.Equal(t, []string{"KEY_8"}, out.content)
	require.Len(t, out.pokes, 2)
	require.Nil(t, revokes(change), "KEY_9 is not what it is about")
	change.Names = append(change.Names, "KEY_9")
	require.NotNil(t, revokes(change))
	change.Names = nil
	out, _ = w.outdated(change)
	require.Len(t, out.content, 99)
	require.NotNil(t, revokes(change))
}
