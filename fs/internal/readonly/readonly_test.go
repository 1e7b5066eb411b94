package readonly

import (
	"context"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"
)

func TestNothingCanBeChanged(t *testing.T) {
	ctx := context.Background()
	var n Node
	var d Dir
	_, _, _, create := d.Create(ctx, "name", 0, 0, nil)
	_, _, _, tmpfile := d.Tmpfile(ctx, 0, 0, nil)
	_, mkdir := d.Mkdir(ctx, "name", 0, nil)
	_, mknod := d.Mknod(ctx, "name", 0, 0, nil)
	_, symlink := d.Symlink(ctx, "target", "name", nil)
	_, link := d.Link(ctx, &n, "name", nil)
	for what, errno := range map[string]syscall.Errno{
		"create": create, "tmpfile": tmpfile, "mkdir": mkdir, "mknod": mknod, "symlink": symlink, "link": link,
		"unlink": d.Unlink(ctx, "name"), "rmdir": d.Rmdir(ctx, "name"), "rename": d.Rename(ctx, "name", &n, "other", 0),
		"setattr":  n.Setattr(ctx, nil, &fuse.SetAttrIn{}, &fuse.AttrOut{}),
		"setxattr": n.Setxattr(ctx, "user.x", nil, 0), "removexattr": n.Removexattr(ctx, "user.x"),
	} {
		require.Equal(t, syscall.EROFS, errno, what)
	}
}

// There is no room of which anything is known, and names have an end.
func TestStatfs(t *testing.T) {
	var n Node
	var out fuse.StatfsOut
	require.Zero(t, n.Statfs(context.Background(), &out))
	require.Equal(t, fuse.StatfsOut{Bsize: 4096, Frsize: 4096, NameLen: 255}, out)
}
