package fs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
)

// Private keys are created exclusively and for nobody else's eyes, as temporary
// files are. They have to arrive all the same.
func TestPrivateFilesArrive(t *testing.T) {
	for name, script := range map[string]string{
		"cp": `cp $K/id_ed25519 $K/tls.key .`, "cp -a": `cp -a $K/. .`, "mv": `mv $K/id_ed25519 $K/tls.key .`,
		"install": `install -m 600 $K/id_ed25519 $K/tls.key .`, "tar": `tar -C $K -c . | tar -x --no-same-owner`, "rsync": `rsync -a $K/ .`,
		"python": `for f in id_ed25519 tls.key; do python3 -c 'import os, sys
fd = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
os.write(fd, open(sys.argv[1], "rb").read()); os.fsync(fd); os.close(fd)' $K/$f $f; done`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(writing)
			mnt := fusetest.Mounted(t, w.Root(), w.Options())
			t.Cleanup(w.Close)
			shell(t, mnt, `cd payments; K=$(mktemp -d); umask 077; printf 'not a key' > $K/id_ed25519; printf 'nor this' > $K/tls.key; `+script+`; rm -rf $K`)
			w.requireValue(t, payments, "id_ed25519", "not a key")
			w.requireValue(t, payments, "tls.key", "nor this")
			require.Zero(t, w.Counts().Writes.ScratchFiles)
		})
	}
}
