package fs

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/xattr"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// everyXattr are all attributes of ours, with values of another place and time.
var everyXattr = map[string]string{
	"id": "another-id", "type": "personal", "key": "ANOTHER", "environment": "prod", "path": "/elsewhere", "import": "/demo/prod/elsewhere",
	"version": "99", "updated_at": "2001-02-03T04:05:06Z", "fetched_at": "2001-02-03T04:05:06Z", "stale": "true",
}

// What describes a file can be copied onto any other, and changes nothing there.
func TestCopiedXattrs(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.NoError(t, v.Create("demo/dev/.x.tmp"))
		draft, err := v.CreateFile("demo/dev/NEW", syscall.O_WRONLY|syscall.O_EXCL, 0o600)
		require.NoError(t, err)
		without := func(values map[string]string, name string) map[string]string { delete(values, name); return values }
		for _, path := range []string{"demo/dev/.x.tmp", "demo/dev/NEW", "demo/dev/GREETING", "demo/dev/payments", "demo/dev"} {
			before := without(all(t, v, path), "fetched_at")
			if strings.HasSuffix(path, ".x.tmp") || strings.HasSuffix(path, "NEW") {
				require.Empty(t, before, path)
			}
			for name, value := range everyXattr {
				require.NoError(t, v.Setxattr(path, xattr.Prefix+name, value), "%s of %s", name, path)
				want := error(nil)
				if _, there := all(t, v, path)[name]; !there {
					want = syscall.ENODATA
				}
				require.Equal(t, want, v.Removexattr(path, xattr.Prefix+name), "%s of %s", name, path)
			}
			require.Equal(t, before, without(all(t, v, path), "fetched_at"))
			for _, other := range []string{"user.infisical.other", "user.infisical."} {
				require.Equal(t, syscall.EPERM, v.Setxattr(path, other, "x"))
				require.Equal(t, syscall.EPERM, v.Removexattr(path, other))
			}
		}
		require.Equal(t, syscall.EPERM, v.Setxattr("demo/dev/payments", xattr.Comment, "x"), "there is no place for it")
		require.Equal(t, syscall.EPERM, v.Setxattr("demo", xattr.Prefix+"other", "x"))
		require.Empty(t, w.Writes())
		require.NoError(t, draft.Close())
		require.Eventually(t, func() bool { return slices.Equal(w.Writes(), []string{"create NEW"}) }, time.Minute, time.Millisecond)
	})
}

// What is noted about a file before the server has it is sent after it.
func TestNotesAboutWhatIsNew(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		draft, err := v.CreateFile("demo/dev/NEW", syscall.O_WRONLY|syscall.O_EXCL, 0o600)
		require.NoError(t, err)
		_, err = draft.WriteAt([]byte("text"), 0)
		require.NoError(t, err)
		require.NoError(t, v.Setxattr("demo/dev/NEW", xattr.Comment, "a remark"))
		require.NoError(t, v.Setxattr("demo/dev/NEW", xattr.Tags, "one,two"))
		require.Equal(t, map[string]string{"comment": "a remark", "tags": "one,two"}, all(t, v, "demo/dev/NEW"))
		require.NoError(t, draft.Close())
		require.Equal(t, []string{"create NEW", "annotate NEW"}, w.Writes())
		s, _ := w.Own(dev, "NEW")
		require.Equal(t, "a remark", s.Comment)
		require.Equal(t, []string{"one", "two"}, s.Tags)

		require.NoError(t, v.Create("demo/dev/.OTHER.tmp"))
		require.NoError(t, v.Setxattr("demo/dev/.OTHER.tmp", xattr.Comment, "another"))
		require.NoError(t, v.Removexattr("demo/dev/.OTHER.tmp", xattr.Comment))
		require.Equal(t, syscall.ENODATA, v.Removexattr("demo/dev/.OTHER.tmp", xattr.Comment))
		require.NoError(t, v.Setxattr("demo/dev/.OTHER.tmp", xattr.Comment, "another"))
		require.Len(t, w.Writes(), 2)
		require.NoError(t, v.Rename("demo/dev/.OTHER.tmp", "demo/dev/OTHER"))
		require.Equal(t, []string{"create OTHER", "annotate OTHER"}, w.Writes()[2:])
		s, _ = w.Own(dev, "OTHER")
		require.Equal(t, "another", s.Comment)
		all := all(t, v, "demo/dev/OTHER")
		require.Equal(t, "another", all["comment"])

		// Whoever goes on writing does so on what the note has made.
		f, err := v.Open("demo/dev/OTHER", syscall.O_WRONLY|syscall.O_TRUNC)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("more"), 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		w.requireValue(t, dev, "OTHER", "more")
	})
}

// A note that the server does not take costs no text.
func TestNotesThatAreRefused(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		w.FailWrites(secrettest.KindAnnotate, secret.ErrInvalid)
		draft, err := v.CreateFile("demo/dev/NEW", syscall.O_WRONLY|syscall.O_EXCL, 0o600)
		require.NoError(t, err)
		_, err = draft.WriteAt([]byte("text"), 0)
		require.NoError(t, err)
		require.NoError(t, v.Setxattr("demo/dev/NEW", xattr.Tags, "no-such-tag"))
		require.NoError(t, draft.Close())
		w.requireValue(t, dev, "NEW", "text")
		require.Contains(t, w.logs.String(), "comment and tags of a new secret were not set")
	})
}

// Programs that copy attributes along with files copy to, from and within a mount.
func TestProgramsThatCopyXattrs(t *testing.T) {
	w := newWorld(writing, ttl(time.Minute))
	w.Put(payments, secret.Secret{Name: "NOTED", ID: "id-1", Value: secret.NewValue("noted"), Comment: "a remark", Tags: []string{"one"}, Updated: started})
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	t.Cleanup(w.Close)
	here := filepath.Join(mnt, "demo/dev")
	requireNoted := func(t *testing.T, dir secret.Dir, name string) {
		s, ok := w.Own(dir, name)
		require.True(t, ok)
		require.Equal(t, "noted", s.Value.Reveal())
		require.Equal(t, "a remark", s.Comment)
		require.Equal(t, []string{"one"}, s.Tags)
	}
	for _, attr := range slices.Sorted(maps.Keys(everyXattr)) {
		note, errno := xattr.Settable(xattr.Prefix + attr)
		require.Zero(t, errno, "it is said what the server has: %s", attr)
		require.False(t, note, attr)
	}
	t.Run("getfattr", func(t *testing.T) {
		require.NoError(t, os.WriteFile(here+"/.x.tmp", []byte("v"), 0o600))
		require.Empty(t, run(t, "getfattr", "-d", here+"/.x.tmp"))
		require.Contains(t, run(t, "getfattr", "--absolute-names", "-d", here+"/payments/NOTED"), `user.infisical.comment="a remark"`)
	})
	t.Run("setfattr", func(t *testing.T) {
		run(t, "setfattr", "-n", "user.infisical.comment", "-v", "why", here+"/GREETING")
		s, _ := w.Own(dev, "GREETING")
		require.Equal(t, "why", s.Comment)
		require.Contains(t, run(t, "getfattr", "--absolute-names", "-d", here+"/GREETING"), `user.infisical.comment="why"`)
	})
	t.Run("rsync", func(t *testing.T) {
		outside := t.TempDir()
		run(t, "rsync", "-aX", here+"/payments/", here+"/copy/")
		requireNoted(t, dev.Child("copy"), "NOTED")
		run(t, "rsync", "-aX", here+"/payments/", here+"/copy/")
		run(t, "rsync", "-aX", here+"/payments/", outside+"/")
		run(t, "rsync", "-aX", outside+"/", here+"/payments/")
		run(t, "rsync", "-aX", outside+"/", here+"/again/")
		requireNoted(t, dev.Child("again"), "NOTED")
		run(t, "rsync", "-aX", "--inplace", outside+"/", here+"/inplace/")
		requireNoted(t, dev.Child("inplace"), "NOTED")
	})
	t.Run("cp", func(t *testing.T) {
		outside := t.TempDir()
		run(t, "cp", "-a", "--preserve=xattr", here+"/payments/NOTED", here+"/NOTED")
		requireNoted(t, dev, "NOTED")
		run(t, "cp", "-a", "--preserve=xattr", here+"/payments/NOTED", here+"/NOTED")
		run(t, "cp", "-a", "--preserve=xattr", here+"/payments/NOTED", outside+"/SAVED")
		run(t, "cp", "-a", "--preserve=xattr", outside+"/SAVED", here+"/RESTORED")
		requireNoted(t, dev, "RESTORED")
		run(t, "cp", "-a", here+"/payments", here+"/tree")
		requireNoted(t, dev.Child("tree"), "NOTED")
	})
	t.Run("tar", func(t *testing.T) {
		archive := filepath.Join(t.TempDir(), "archive.tar")
		run(t, "tar", "c", "--xattrs", "-f", archive, "-C", here, "payments")
		require.NoError(t, os.Mkdir(here+"/untarred", 0o700))
		run(t, "tar", "x", "--xattrs", "--xattrs-include=*", "-f", archive, "-C", here+"/untarred")
		requireNoted(t, dev.Child("untarred").Child("payments"), "NOTED")
	})
}
