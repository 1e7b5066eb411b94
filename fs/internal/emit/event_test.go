package emit

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/diff"
	"infisicalfs/secret"
)

// folder returns a snapshot with those secrets and folders. A secret that is called
// "KEY=value" has that value, and "KEY?" is hidden.
func folder(secrets []string, folders ...string) *secret.Folder {
	f := &secret.Folder{Dir: secret.Dir{Project: "demo", Env: "dev", Path: "/"}}
	for _, s := range secrets {
		var name, value string
		for i, r := range s {
			if r == '=' || r == '?' {
				name, value = s[:i], s[i+1:]
			}
		}
		f.Secrets = append(f.Secrets, secret.Secret{Name: name, Value: secret.NewValue(value), Hidden: s[len(s)-1] == '?'})
	}
	for _, name := range folders {
		f.Folders = append(f.Folders, secret.Subfolder{Name: name})
	}
	f.Sort()
	return f
}

func TestEvents(t *testing.T) {
	partial := func(f *secret.Folder) *secret.Folder { f.Partial = true; return f }
	noSubfolders := func(f *secret.Folder) *secret.Folder { f.NoSubfolders = true; return f }
	keys := func(list ...string) []string { return list }
	for name, c := range map[string]struct {
		before, after *secret.Folder
		links         bool
		gone          []string
		want          []string
	}{
		"nothing":                          {before: folder(keys("A=1")), after: folder(keys("A=1"))},
		"a value":                          {before: folder(keys("A=1")), after: folder(keys("A=2")), want: keys("a new value A")},
		"a value, seen through a link":     {before: folder(keys("A=1")), after: folder(keys("A=2")), links: true},
		"a value that is hidden now":       {before: folder(keys("A=1")), after: folder(keys("A?")), want: keys("a new date A")},
		"what came":                        {before: folder(nil), after: folder(keys("A=1"), "jobs"), want: keys("a new name A", "a new name jobs/")},
		"what went":                        {before: folder(keys("A=1"), "jobs"), after: folder(nil), want: keys("a name that went A", "a name that went jobs/")},
		"a link that came":                 {before: folder(nil), after: folder(keys("A=1")), links: true, want: keys("a new name A")},
		"a folder takes a secret's name":   {before: folder(keys("A=1")), after: folder(keys("A=1"), "A"), want: keys("a name that went A", "a new name A/", "a new name A%secret")},
		"what a partial snapshot lacks":    {before: folder(keys("A=1"), "jobs"), after: partial(folder(nil))},
		"what was taken from one here":     {before: folder(keys("A=1", "B=1"), "jobs", "more"), after: partial(folder(nil)), gone: keys("A", "jobs"), want: keys("a name that went A", "a name that went jobs/")},
		"folders that are not known":       {before: folder(nil, "jobs"), after: noSubfolders(folder(nil))},
		"folders that are known only now":  {before: noSubfolders(folder(nil)), after: folder(nil, "jobs")},
		"a secret among unknown folders":   {before: noSubfolders(folder(nil)), after: noSubfolders(folder(keys("A=1"))), want: keys("a new name A")},
		"in the order of their file names": {before: folder(keys("B=1", "C=1")), after: folder(keys("A=1", "B=2")), want: keys("a new name A", "a new value B", "a name that went C")},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, e := range Events(c.before, c.after, diff.Folders(c.before, c.after, nil), c.gone, c.links) {
				said := fmt.Sprintf("%s %s", e.Kind, e.Shown)
				if e.Folder {
					said += "/"
				}
				got = append(got, said[len("telling of "):])
			}
			require.Equal(t, c.want, got)
		})
	}
	dated := folder(nil, "jobs")
	dated.Folders[0].Updated = time.Date(2024, 7, 1, 0, 0, 0, 0, time.UTC)
	require.Empty(t, Events(folder(nil, "jobs"), dated, diff.Folders(folder(nil, "jobs"), dated, nil), nil, false), "a folder of another date")
}
