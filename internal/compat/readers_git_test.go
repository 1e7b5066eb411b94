package compat

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// git's credential store is a file of addresses. It writes a new one beside it
// and renames that.
func TestGitCredentialStore(t *testing.T) {
	needs(t, "git")
	const one, two = "https://alice:fake-one@git.example", "https://bob:fake%2ftwo@other.example"
	w := newServer(t)
	w.set("GIT_CREDENTIALS", one+"\n")
	w.mount()
	git := func(verb, question string) string {
		cmd := exec.CommandContext(t.Context(), "git", "credential-store", "--file="+w.path("GIT_CREDENTIALS"), verb)
		cmd.Stdin = strings.NewReader(question)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	stored := func() string {
		secret, ok := w.Lookup("demo", "dev", "/", "GIT_CREDENTIALS")
		require.True(t, ok)
		return secret.Value
	}
	require.Equal(t, "username=alice\npassword=fake-one\n", git("get", "protocol=https\nhost=git.example\n\n"))

	git("store", "protocol=https\nhost=other.example\nusername=bob\npassword=fake/two\n\n")
	require.ElementsMatch(t, []string{one, two}, strings.Fields(stored()))
	require.Equal(t, "username=bob\npassword=fake/two\n", git("get", "protocol=https\nhost=other.example\n\n"))

	git("erase", "protocol=https\nhost=git.example\n\n")
	require.Equal(t, []string{two}, strings.Fields(stored()))
	require.Empty(t, git("get", "protocol=https\nhost=git.example\n\n"))

	git("erase", "protocol=https\nhost=other.example\n\n")
	require.Empty(t, stored())

	// The file beside it has never been a secret, nor is it there any more.
	_, ok := w.Lookup("demo", "dev", "/", "GIT_CREDENTIALS.lock")
	require.False(t, ok)
	_, err := os.Stat(w.path("GIT_CREDENTIALS.lock"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
