//go:build linux

package mounttable

import (
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/require"
)

// Here /srv/base is a bind mount of itself with a mount of ours in it.
const around = `20 1 8:1 / / rw - ext4 /dev/sda1 rw
30 20 8:1 /srv/base /srv/base rw shared:1 - ext4 /dev/sda1 rw
31 30 0:40 / /srv/base/x rw,nosuid - fuse.infisicalfs demo rw,user_id=0,group_id=0
`

// A mount of ours that can be written in something read-only was either meant to be so or not.
func TestWhoCanWriteInWhatIsReadOnly(t *testing.T) {
	table := func(text string) Table {
		mounts, err := mountinfo.GetMountsFromReader(strings.NewReader(text), nil)
		require.NoError(t, err)
		return mounts
	}
	const root = "50 49 0:60 / / ro - overlay overlay rw\n"
	for name, c := range map[string]struct {
		there string
		can   bool
	}{
		"around, read-only":                {"51 50 8:1 /srv/base /b ro - ext4 /dev/sda1 rw\n52 51 0:40 / /b/x rw - fuse.infisicalfs demo rw", true},
		"around, a level higher":           {"51 50 8:1 /srv /s ro - ext4 /dev/sda1 rw\n52 51 0:40 / /s/base/x rw - fuse.infisicalfs demo rw", true},
		"around, writable":                 {"51 50 8:1 /srv/base /b rw - ext4 /dev/sda1 rw\n52 51 0:40 / /b/x rw - fuse.infisicalfs demo rw", false},
		"around, recursively":              {"51 50 8:1 /srv/base /b ro - ext4 /dev/sda1 rw\n52 51 0:40 / /b/x ro,nosuid - fuse.infisicalfs demo rw", false},
		"itself, in a read-only container": {"52 50 0:40 / /x rw - fuse.infisicalfs demo rw", false},
		"on a read-only one of ours":       {"51 50 0:39 / /x ro - fuse.infisicalfs demo rw\n52 51 0:40 / /x rw - fuse.infisicalfs demo rw", true},
		"on a writable one of ours":        {"51 50 0:39 / /x rw - fuse.infisicalfs demo rw\n52 51 0:40 / /x rw - fuse.infisicalfs demo rw", false},
		"another mount":                    {"51 50 8:1 /srv/base /b ro - ext4 /dev/sda1 rw\n52 51 0:41 / /b/x rw - fuse.infisicalfs demo rw", false},
	} {
		there := table(root + c.there)
		m := there[len(there)-1]
		require.Equal(t, c.can, !readOnly(m) && there.cameAlong(m, table(around)), name)
	}
}
