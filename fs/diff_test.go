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

	"infisicalfs/fs/internal/filename"
	"infisicalfs/secret"
)

// plainDiff says the same as diff, the plain way: everything that is shown is
// compared with everything that was.
func plainDiff(before, after *secret.Folder) (list []difference) {
	old := map[string]filename.Entry{}
	for name, e := range filename.All(before) {
		old[name] = e
	}
	for name, e := range filename.All(after) {
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

func nameIn(e filename.Entry) string {
	switch {
	case e.Folder != nil:
		return e.Folder.Name
	case e.Secret != nil:
		return e.Secret.Name
	}
	return ""
}

// Of a change that says what it is about nothing else is looked at, whatever the
// folder has besides.
func TestNewsLookAtWhatTheyAreAbout(t *testing.T) {
	w := newWorld(func(c *Config) { c.Notify, c.EmitThread = NotifyFull, func(func(int)) error { return nil } })
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
	require.Len(t, out.events, 2)
	require.Nil(t, revokes(change), "KEY_9 is not what it is about")
	change.Names = append(change.Names, "KEY_9")
	require.NotNil(t, revokes(change))
	change.Names = nil
	out, _ = w.outdated(change)
	require.Len(t, out.content, 99)
	require.NotNil(t, revokes(change))
}
