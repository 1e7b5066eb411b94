package fs

import (
	"fmt"
	"testing"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/secret"
)

// directory returns a directory that is not mounted, whose Source has one snapshot of n
// secrets, always the same.
func directory(n int) (*dir, *secret.Folder) {
	w := newWorld(ttl(time.Hour))
	d := w.root.newDir("payments")
	fusefs.NewNodeFS(w.Root(), w.Options())
	snap := &secret.Folder{Dir: d.where(), Fetched: time.Now()}
	for i := range n {
		snap.Secrets = append(snap.Secrets, secret.Secret{Name: fmt.Sprintf("KEY_%05d", i)})
	}
	w.answer(func(ctxt, secret.Dir, secret.Need) (*secret.Folder, error) { return snap, nil })
	return d, snap
}

// Listing a large folder again that has not changed costs nothing for each name.
func TestListingAgainCostsLittle(t *testing.T) {
	const n = 10_000
	d, _ := directory(n)
	count := 0
	list := func() {
		handle, _, errno := d.OpendirHandle(t.Context(), 0)
		require.Zero(t, errno)
		l := handle.(*listing)
		for count = 0; ; count++ {
			if e, errno := l.Readdirent(t.Context()); e == nil || errno != 0 {
				break
			}
		}
		l.Releasedir(t.Context(), 0)
	}
	list()
	require.Equal(t, n+2, count)
	require.LessOrEqual(t, testing.AllocsPerRun(5, list), 10.0)
}

func TestAListingIsMadeAnewWhenSomethingIsElsewhere(t *testing.T) {
	d, snap := directory(3)
	first, print := d.listed(snap, overlay.Shown{})
	again, printAgain := d.listed(snap.With(func(f *secret.Folder) { f.Stale = true }), overlay.Shown{})
	require.Same(t, &first[0], &again[0], "the same secrets")
	require.Equal(t, print, printAgain)

	other, printOther := d.listed(snap.With(func(f *secret.Folder) { f.Secrets = f.Secrets[:2] }), overlay.Shown{})
	require.Len(t, other, 4)
	require.NotEqual(t, print, printOther)

	here := overlay.Shown{Files: []overlay.Entry{{Name: "draft", ID: inode.ScratchFile(1)}}}
	with, _ := d.listed(snap, here)
	require.Len(t, with, 6, "with what is only here")
	without, _ := d.listed(snap, overlay.Shown{Covered: map[string]bool{"KEY_00001": true}})
	require.Len(t, without, 4)

	number := first[3].Ino
	d.fs.renames.Left(inode.Child(d.StableAttr(), first[3].Mode, "KEY_00001"))
	renamed, _ := d.listed(snap, overlay.Shown{})
	require.NotEqual(t, number, renamed[3].Ino, "what has that name now is something else")
}
