package snapshot

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// Whatever a secret or folder may have that another of its name has not, is a difference.
func TestDifferingSeesEachField(t *testing.T) {
	made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	base := secret.Secret{Name: "B", ID: "1", Version: 1, Value: secret.NewValue("v"), Tags: []string{"a"}, Updated: made}
	values := map[string]any{
		"ID": "2", "Version": 2, "Value": secret.NewValue("w"), "Hidden": true, "Garbled": true, "Personal": true, "Rotated": true,
		"Reason": "r", "Comment": "c", "Tags": []string{"b"}, "Metadata": []secret.Metadata{{Key: "k"}},
		"Import": &secret.Dir{Project: "p"}, "Origin": &secret.Origin{Name: "o"}, "Created": made, "Updated": made.Add(1),
	}
	before := &secret.Folder{Secrets: []secret.Secret{{Name: "A"}, base, {Name: "C"}}, Folders: []secret.Subfolder{{Name: "A", ID: "1"}, {Name: "D", ID: "1"}}}
	for i := range reflect.TypeFor[secret.Secret]().NumField() {
		field := reflect.TypeFor[secret.Secret]().Field(i).Name
		if field == "Name" {
			continue
		}
		require.Contains(t, values, field)
		after := before.With(func(f *secret.Folder) { f.Secrets = slices.Clone(f.Secrets) })
		reflect.ValueOf(&after.Secrets[1]).Elem().Field(i).Set(reflect.ValueOf(values[field]))
		require.Equal(t, []string{"B"}, Differing(before, after), field)
		require.Equal(t, []string{"B"}, Differing(after, before), field)
	}
	for _, list := range [][]secret.Subfolder{{{Name: "A", ID: "1"}, {Name: "D", ID: "2"}}, {{Name: "A", ID: "1"}, {Name: "D", ID: "1", Updated: made}}, {{Name: "A", ID: "1"}}} {
		require.Equal(t, []string{"D"}, Differing(before, before.With(func(f *secret.Folder) { f.Folders = list })))
	}
	copied := before.With(func(f *secret.Folder) {
		f.Secrets = slices.Clone(f.Secrets)
		f.Secrets[1].Value, f.Secrets[1].Tags = secret.NewValue("v"), []string{"a"}
	})
	require.Equal(t, []string{}, Differing(before, copied), "not nil, which would be any name")
}

// What two snapshots show differently, they show so under the names that differ.
func TestDifferingNamesAllThatIsShown(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	random := func() *secret.Folder {
		f := &secret.Folder{}
		for i := range 6 {
			if r.IntN(3) > 0 {
				f.Secrets = append(f.Secrets, secret.Secret{Name: fmt.Sprint(i), Version: r.IntN(2), Value: secret.NewValue(fmt.Sprint(r.IntN(2)))})
			}
			if r.IntN(3) == 0 {
				f.Folders = append(f.Folders, secret.Subfolder{Name: fmt.Sprint(i), ID: fmt.Sprint(r.IntN(2))})
			}
		}
		return f
	}
	for range 5000 {
		a, b := random(), random()
		names := Differing(a, b)
		require.True(t, slices.IsSorted(names))
		require.Equal(t, Same(a, b), SameAt(a, b, names))
		require.Equal(t, reflect.DeepEqual(a, b), len(names) == 0)
	}
}
