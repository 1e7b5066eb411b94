package fs

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/fs/internal/xattr"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

func TestXattrs(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		elsewhere := secret.Dir{Project: "demo", Env: "prod", Path: "/shared"}
		w.Put(payments, secret.Secret{
			Name: "FULL", ID: "id-1", Version: 7, Value: secret.NewValue("x"), Personal: true, Comment: "for billing",
			Tags: []string{"a", "b"}, Import: &elsewhere, Updated: time.Date(2025, 1, 2, 3, 4, 5, 600, time.UTC),
		})
		w.Put(payments, secret.Secret{Name: "BARE", Value: secret.NewValue("x")})

		full := all(t, v, "demo/dev/payments/FULL")
		fetched, err := time.Parse(time.RFC3339Nano, full["fetched_at"])
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), fetched, time.Minute)
		delete(full, "fetched_at")
		require.Equal(t, map[string]string{
			"id": "id-1", "version": "7", "type": "personal", "comment": "for billing", "tags": "a,b", "key": "FULL",
			"environment": "dev", "path": "/payments", "import": "/demo/prod/shared", "updated_at": "2025-01-02T03:04:05.0000006Z", "stale": "false",
		}, full)

		bare := all(t, v, "demo/dev/payments/BARE")
		delete(bare, "fetched_at")
		require.Equal(t, map[string]string{"type": "shared", "key": "BARE", "environment": "dev", "path": "/payments", "stale": "false"}, bare)

		require.Equal(t, map[string]string{"key": "payments", "environment": "dev", "path": "/payments"}, all(t, v, "demo/dev/payments"))
		require.Equal(t, map[string]string{"key": "demo"}, all(t, v, "demo"))
		require.Empty(t, all(t, v, ""))

		w.answer(func(ctx ctxt, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
			snap, err := w.Folder(ctx, dir, need)
			return snap.With(func(f *secret.Folder) { f.Stale = true }), err
		})
		stale, err := v.Getxattr("demo/dev/payments/BARE", "user.infisical.stale")
		require.NoError(t, err)
		require.Equal(t, "true", stale)
	})
}

// all returns the attributes of a file, without their prefix. What is listed can
// be got.
func all(t *testing.T, v fusetest.View, path string) map[string]string {
	names, err := v.Listxattr(path)
	require.NoError(t, err)
	values := map[string]string{}
	for _, name := range names {
		value, err := v.Getxattr(path, name)
		require.NoError(t, err, name)
		require.NotEmpty(t, value, name)
		values[name[len(xattr.Prefix):]] = value
	}
	require.Len(t, values, len(names))
	return values
}

func TestOtherXattrs(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		for _, path := range []string{"demo/dev/GREETING", "demo/dev", ".infisicalfs"} {
			for _, name := range []string{"user.infisical.comment", "user.infisical.", "user.infisical", "user.other", "security.capability"} {
				_, err := v.Getxattr(path, name)
				require.Equal(t, syscall.ENODATA, err, "%s of %s", name, path)
			}
			_, err := v.Getxattr(path, "system.posix_acl_access")
			require.Contains(t, []syscall.Errno{syscall.ENOTSUP, syscall.ENODATA}, err)
		}
	})
}

func TestXattrBuffers(t *testing.T) {
	w := newWorld()
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	path := mnt + "/demo/dev/GREETING"
	for name, call := range map[string]func([]byte) (int, error){
		"get":  func(b []byte) (int, error) { return unix.Getxattr(path, "user.infisical.key", b) },
		"list": func(b []byte) (int, error) { return unix.Listxattr(path, b) },
	} {
		need, err := call(nil)
		require.NoError(t, err, name)
		require.Positive(t, need, name)
		_, err = call(make([]byte, need-1))
		require.Equal(t, syscall.ERANGE, err, name)
		buf := make([]byte, need)
		n, err := call(buf)
		require.NoError(t, err, name)
		require.Equal(t, need, n, name)
		more := slices.Repeat([]byte{'?'}, need+9)
		n, err = call(more)
		require.NoError(t, err, name)
		require.Equal(t, buf, more[:n], name)
	}
}
