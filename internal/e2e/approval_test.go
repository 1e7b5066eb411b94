package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

// requestOf is the attribute that names the request for an approval; empty: there is none.
func requestOf(t *testing.T, file string) string {
	t.Helper()
	dest := make([]byte, 100)
	n, err := unix.Getxattr(file, "user.infisical.approval_request", dest)
	if errors.Is(err, unix.ENODATA) {
		return ""
	}
	require.NoError(t, err)
	return string(dest[:n])
}

// A change that waits for an approval fails, and which request the server has made of
// it is where one would look: in the log, in the status, on the secret and on the kept
// text. It ends with what it was about.
func TestAnApprovalIsFoundAgain(t *testing.T) {
	t.Parallel()
	d := userDesk(t, devserver.Config{}, "--personal=false")
	d.edit(t, func(e *devserver.Editor) error { return e.SetApprovalsIn("dev") })
	greeting, deleted := d.at("GREETING"), d.at("DB_HOST")
	require.ErrorIs(t, os.WriteFile(greeting, []byte("mine now"), 0o644), unix.EPERM)
	require.ErrorIs(t, os.WriteFile(d.at("NEW"), []byte("not yet there"), 0o644), unix.EPERM)
	require.ErrorIs(t, os.Remove(deleted), unix.EPERM)
	require.ErrorIs(t, os.Rename(d.at("DB_USER"), d.at("B")), unix.EPERM)
	require.NoError(t, os.WriteFile(d.at("next.tmp"), []byte("by way of a temporary file"), 0o600))
	require.ErrorIs(t, os.Rename(d.at("next.tmp"), d.at("DB_PASSWORD")), unix.EPERM)

	asked := d.Approvals()
	require.Len(t, asked, 5, "one request for each change")
	log := readFile(t, d.log)
	out, err := exec.Command(program, "status", d.dir).CombinedOutput()
	require.NoError(t, err)
	for _, a := range asked {
		require.Contains(t, log, a.ID)
		require.Contains(t, string(out), a.ID)
		require.Contains(t, string(out), a.Slug)
	}
	var status struct {
		FS struct {
			Writes struct {
				Approvals []struct{ Path, Change, Request string }
			}
		}
	}
	out, err = exec.Command(program, "status", "--json", d.dir).CombinedOutput()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, &status))
	require.Len(t, status.FS.Writes.Approvals, 5)
	require.Equal(t, "rename", status.FS.Writes.Approvals[3].Change)
	require.Equal(t, asked[2].ID, status.FS.Writes.Approvals[2].Request)

	kept := map[string]string{}
	for name, text := range d.rejected(t) {
		kept[text] = requestOf(t, d.path(".infisicalfs", "rejected", name))
	}
	require.Equal(t, map[string]string{"mine now": asked[0].ID, "not yet there": asked[1].ID, "by way of a temporary file": asked[4].ID}, kept)
	for file, a := range map[string]devserver.Approval{greeting: asked[0], deleted: asked[2], d.at("DB_USER"): asked[3], d.at("DB_PASSWORD"): asked[4]} {
		require.Equal(t, a.ID, requestOf(t, file), file)
	}

	// Approved: the secret is another then, and nothing is known to wait of it.
	d.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "GREETING", "mine now") })
	d.refresh(t)
	require.Equal(t, "mine now", readFile(t, greeting))
	require.Empty(t, requestOf(t, greeting))
	require.NotEmpty(t, requestOf(t, deleted))
}

// A move half of which waits has removed the secret and stored it nowhere: the text is kept.
func TestAMoveHalfOfWhichWaitsKeepsTheText(t *testing.T) {
	t.Parallel()
	d := userDesk(t, devserver.Config{}, "--personal=false")
	d.edit(t, func(e *devserver.Editor) error { return e.SetApprovalsIn("staging") })
	require.ErrorIs(t, os.Rename(d.at("GREETING"), filepath.Join(d.dir, "demo", "staging", "MOVED")), unix.EPERM)
	d.keeps(t, "hello, world")
}
