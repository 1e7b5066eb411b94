package snapshot

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

var dir = secret.Dir{Project: "demo", Env: "dev", Path: "/"}

func item(name string, version int, value string) secret.Secret {
	return secret.Secret{Name: name, ID: "id of " + name, Version: version, Value: secret.NewValue(value)}
}

func folder(change func(*secret.Folder), secrets ...secret.Secret) *secret.Folder {
	f := &secret.Folder{Dir: dir, Secrets: secrets, Folders: []secret.Subfolder{{Name: "sub", ID: "1"}}}
	if change != nil {
		change(f)
	}
	f.Sort()
	return f
}

func names(f *secret.Folder) (list []string) {
	for _, s := range f.Secrets {
		list = append(list, s.Name+"="+s.Value.Reveal())
	}
	for _, s := range f.Folders {
		list = append(list, s.Name+"/")
	}
	return list
}

func TestEdits(t *testing.T) {
	plain := func() *secret.Folder { return folder(nil, item("A", 1, "a"), item("B", 1, "b")) }
	imported := item("A", 1, "a")
	imported.Import = &secret.Dir{}
	hidden := item("A", 1, "")
	hidden.Hidden = true
	other := item("A", 2, "new")
	other.ID = "another"
	moved := item("C", 2, "a")
	moved.ID = "id of A"
	for name, test := range map[string]struct {
		of   *secret.Folder
		edit Edit
		want []string // nil: it is not certain
	}{
		"create":                      {plain(), CreateSecret(item("C", 1, "c")), []string{"A=a", "B=b", "C=c", "sub/"}},
		"create, and the list has it": {plain(), CreateSecret(item("B", 1, "b")), []string{"A=a", "B=b", "sub/"}},
		"create over an import":       {folder(nil, imported), CreateSecret(item("A", 1, "own")), []string{"A=own", "sub/"}},
		"create with references":      {plain(), CreateSecret(item("C", 1, "${A}")), nil},
		"create where another is":     {plain(), CreateSecret(other), nil},
		"update":                      {plain(), UpdateSecret(item("A", 2, "new")), []string{"A=new", "B=b", "sub/"}},
		"update, and the list has it": {folder(nil, item("A", 3, "later")), UpdateSecret(item("A", 2, "new")), []string{"A=later", "sub/"}},
		"update, one is missing":      {plain(), UpdateSecret(item("A", 3, "new")), nil},
		"update of a hidden value":    {folder(nil, hidden), UpdateSecret(item("A", 2, "new")), nil},
		"update of another secret":    {plain(), UpdateSecret(other), nil},
		"update to references":        {plain(), UpdateSecret(item("A", 2, "${B}")), nil},
		"annotate":                    {plain(), AnnotateSecret(item("A", 2, "")), []string{"A=a", "B=b", "sub/"}},
		"delete":                      {plain(), DeleteSecret("A"), []string{"B=b", "sub/"}},
		"delete of an import":         {folder(nil, imported), DeleteSecret("A"), nil},
		"delete of what is not there": {plain(), DeleteSecret("C"), nil},
		"rename":                      {plain(), RenameSecret("A", moved), []string{"B=b", "C=a", "sub/"}},
		"rename to itself":            {plain(), RenameSecret("A", item("A", 2, "a")), []string{"A=a", "B=b", "sub/"}},
		"rename onto another":         {plain(), RenameSecret("A", item("B", 2, "a")), nil},
		"rename beside references":    {folder(nil, item("A", 1, "a"), item("B", 1, "${A}")), RenameSecret("A", moved), nil},
		"mkdir":                       {plain(), CreateFolder("new"), []string{"A=a", "B=b", "new/", "sub/"}},
		"mkdir, and it is there":      {plain(), CreateFolder("sub"), nil},
		"rmdir":                       {plain(), DeleteFolder("sub"), []string{"A=a", "B=b"}},
		"rename of a folder":          {plain(), RenameFolder("sub", "new"), []string{"A=a", "B=b", "new/"}},
		"whatever":                    {plain(), Uncertain, nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := names(test.of)
			next, certain := test.edit(test.of)
			require.Equal(t, before, names(test.of), "a snapshot is never changed")
			require.Equal(t, test.want != nil, certain)
			if certain {
				require.Equal(t, test.want, names(next))
			}
		})
	}
	next, _ := DeleteSecret("A")(plain())
	require.True(t, next.Partial, "an import may have the name still")
}

func TestSame(t *testing.T) {
	base := folder(nil, item("A", 1, "a"))
	for name, test := range map[string]struct {
		other *secret.Folder
		want  bool
	}{
		"itself":                 {folder(nil, item("A", 1, "a")), true},
		"dates":                  {folder(func(f *secret.Folder) { f.Secrets[0].Updated = time.Now() }, item("A", 1, "a")), true},
		"subfolders not asked":   {folder(func(f *secret.Folder) { f.NoSubfolders, f.Folders = true, nil }, item("A", 1, "a")), true},
		"id of a new subfolder":  {folder(func(f *secret.Folder) { f.Folders[0].ID = "" }, item("A", 1, "a")), true},
		"another subfolder":      {folder(func(f *secret.Folder) { f.Folders[0].ID = "2" }, item("A", 1, "a")), false},
		"value":                  {folder(nil, item("A", 1, "b")), false},
		"version":                {folder(nil, item("A", 2, "a")), false},
		"one more":               {folder(nil, item("A", 1, "a"), item("B", 1, "b")), false},
		"hidden":                 {folder(func(f *secret.Folder) { f.Secrets[0].Hidden = true }, item("A", 1, "a")), false},
		"denied, with a content": {folder(func(f *secret.Folder) { f.Denied = secret.ErrDenied }, item("A", 1, "a")), false},
	} {
		require.Equal(t, test.want, Same(base, test.other), name)
		if name != "denied, with a content" { // which is not under a name
			require.Equal(t, test.want, SameAt(base, test.other, []string{"A", "B", "sub"}), name)
		}
		require.True(t, SameAt(base, test.other, []string{"C"}), name)
	}
}

func TestServes(t *testing.T) {
	partial := folder(func(f *secret.Folder) { f.Partial = true })
	half := folder(func(f *secret.Folder) { f.NoSubfolders = true })
	both := folder(func(f *secret.Folder) { f.NoSubfolders, f.Partial = true, true })
	for _, test := range []struct {
		folder                *secret.Folder
		entry, listing, proof bool
	}{
		{folder(nil), true, true, true}, {partial, true, true, false}, {half, false, false, false}, {both, true, false, false},
	} {
		require.Equal(t, test.entry, Serves(test.folder, secret.NeedEntry))
		require.Equal(t, test.listing, Serves(test.folder, secret.NeedListing))
		require.Equal(t, test.proof, Serves(test.folder, secret.NeedProof))
	}
}

// An import has the date of its version's first sight, whether or not the folder was kept.
func TestDated(t *testing.T) {
	var d Dates
	now := time.Now()
	at := func(f *secret.Folder) { f.Fetched = now }
	first := d.Dated(folder(at, item("A", 1, "a")), nil)
	require.Equal(t, now, first.Secrets[0].Updated)
	now = now.Add(time.Minute)
	for _, old := range []*secret.Folder{first, nil} {
		again := d.Dated(folder(at, item("A", 1, "a")), old)
		require.Equal(t, first.Secrets[0].Updated, again.Secrets[0].Updated)
	}
	require.Equal(t, first.Secrets[0].Updated, new(Dates).Dated(folder(at, item("A", 1, "a")), first).Secrets[0].Updated)
	for _, other := range []secret.Secret{item("A", 2, "a"), item("A", 1, "b"), item("B", 1, "a")} {
		require.Equal(t, now, d.Dated(folder(at, other), first).Secrets[0].Updated)
	}
	for i := range maxDates + 10 {
		d.Dated(folder(at, item(fmt.Sprint("KEY_", i), 1, "a")), nil)
	}
	require.Len(t, d.first, maxDates)
}

func TestLacksAndSize(t *testing.T) {
	old := folder(nil, item("A", 1, "a"))
	require.False(t, Lacks(folder(nil, item("A", 2, "b"), item("B", 1, "b")), old))
	require.True(t, Lacks(folder(nil), old))
	require.True(t, Lacks(folder(func(f *secret.Folder) { f.Folders = nil }, item("A", 1, "a")), old))
	require.False(t, Lacks(folder(func(f *secret.Folder) { f.Folders, f.NoSubfolders = nil, true }, item("A", 1, "a")), old))
	require.Zero(t, Size(nil))
	require.Greater(t, Size(old), Size(folder(nil)))
}
