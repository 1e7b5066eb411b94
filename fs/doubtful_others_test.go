package fs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// Who only reads a file that waits for its fate, and is killed doing so (a pager
// at Ctrl-C, cat in a pipe whose reader has ended), has nothing to do with it.
func TestKilledReaderOfADoubtfulFile(t *testing.T) {
	w := newWorld(writing)
	w.FailWrites(secrettest.KindCreate, secret.ErrUnavailable)
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	t.Cleanup(w.Close)
	shell(t, mnt, `install -m600 /dev/stdin GREETING-us2prod <<< whole
		python3 -c 'import os, signal; f = open("GREETING-us2prod"); f.read(); os.kill(os.getpid(), signal.SIGKILL)' || true
		for i in 1 2 3; do test -e GREETING-us2prod && cat GREETING-us2prod || exit; done`)
	require.Empty(t, w.rejectedTexts())
	w.FailWrites(secrettest.KindCreate, nil)
	require.Eventually(t, func() bool { return w.Counts().Writes.DoubtfulFiles == 0 }, time.Minute, time.Millisecond)
	w.requireValue(t, dev, "GREETING-us2prod", "whole\n")
	require.Empty(t, w.rejectedTexts())
}

// What a child writes by the descriptor that its parent has opened is the
// parent's: `{ cat x; } > NAME` with noclobber, a program that gives it to another
// as its output.
func TestDoubtfulFileThatAChildFills(t *testing.T) {
	w := newWorld(writing)
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	t.Cleanup(w.Close)
	shell(t, mnt, `bash -c 'set -C; { cat <<< natural; /bin/true; } > GREETING.backup'`)
	require.Eventually(t, func() bool { return w.Counts().Writes.DoubtfulFiles == 0 }, time.Minute, time.Millisecond)
	w.requireValue(t, dev, "GREETING.backup", "natural\n")
}
