package fs

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/posixtest"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
)

// notPOSIX are the cases of go-fuse's own test of file systems in which we are
// not what it expects, and why.
var notPOSIX = map[string]string{
	"Fallocate":           "room cannot be reserved on the server",
	"FallocateKeepSize":   "room cannot be reserved on the server",
	"FcntlFlockLocksFile": "it expects locks of one process to exclude each other; go-fuse leaves it out too",
	"FileBasic":           "the modes of secrets are those of the mount",
	"FileLarge":           "its content is binary, and values are text",
	"FstatDeleted":        "an empty file is sent when the kernel lets go of it, and has the server's date from then on; for its links see TestLinksOfWhatIsOpenAndRemoved",
	"Link":                "the server has no links",
	"LinkUnlinkRename":    "the server has no links",
	"NlinkZero":           "a secret that is replaced keeps its id on the server, and its file stays the same one",
	"OpenSymlinkRace":     "the server has no links",
	"RenameOpenDir":       "a folder replaces no other: that takes two requests, and between them there is none of the name",
	"SetattrSymlink":      "the server has no links",
	"SymlinkReadlink":     "the server has no links",
	"XAttr":               "there is no place for attributes of other names",
}

// mayLack are cases that pass over what a file system does not have.
var mayLack = map[string]bool{"Tmpfile": true, "XAttrLarge": true}

func TestPOSIX(t *testing.T) {
	for name, test := range posixtest.All {
		if notPOSIX[name] != "" {
			continue
		}
		for cached, remember := range map[string]time.Duration{"": 0, " with a cache in the kernel": time.Minute} {
			if mayLack[name] {
				continue
			}
			t.Run(name+cached, func(t *testing.T) {
				w := newWorld(writing, ttl(remember))
				t.Cleanup(w.Close)
				mnt := filepath.Join(fusetest.Mounted(t, w.Root(), w.Options()), "demo/dev", "dir")
				require.NoError(t, os.Mkdir(mnt, 0o700))
				test(t, mnt)
			})
		}
	}
	for name := range notPOSIX {
		require.Contains(t, posixtest.All, name)
	}
}
