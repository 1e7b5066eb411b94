//go:build linux

package daemon

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/exitcode"
)

func TestBackgroundIsNilForAUser(t *testing.T) {
	require.Nil(t, Background())
	for _, joke := range []string{"x", "0", "-1", "999"} {
		t.Setenv(backgroundMark, joke)
		require.Nil(t, Background())
		require.Empty(t, os.Getenv(backgroundMark))
	}
}

// A descriptor that is kept has its own number in the child, whatever is between.
func TestKeptDescriptorsKeepTheirNumbers(t *testing.T) {
	pipe := make([]int, 2)
	require.NoError(t, unix.Pipe2(pipe, unix.O_CLOEXEC))
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	high, err := unix.FcntlInt(uintptr(pipe[0]), unix.F_DUPFD_CLOEXEC, 40)
	require.NoError(t, err)
	defer unix.Close(high)

	files, err := extraFiles([]int{0, 2, high, high})
	require.NoError(t, err)
	defer closeAll(files)
	require.Len(t, files, high-2)
	for i, f := range files[:len(files)-1] {
		require.Nil(t, f, i)
	}
	require.NotNil(t, files[len(files)-1])

	none, err := extraFiles([]int{0, 1, 2})
	require.NoError(t, err)
	require.Empty(t, none)
	_, err = extraFiles([]int{9999})
	require.ErrorIs(t, err, unix.EBADF)
}

// What the child says of its failure is what whoever started it returns.
func TestWhatTheChildSays(t *testing.T) {
	said := listen(strings.NewReader(`{"Error":"no such project","Hint":"look at the list","Code":6}`))
	err := failure(said, nil)
	var coded *exitcode.Error
	require.ErrorAs(t, err, &coded)
	require.Equal(t, exitcode.Error{Err: errors.New("no such project"), Hint: "look at the list", Code: exitcode.NotFound}, *coded)
	require.Nil(t, listen(strings.NewReader("")), "the line has ended")
	require.Nil(t, listen(strings.NewReader("{")))
	err = failure(nil, nil)
	require.ErrorAs(t, err, &coded)
	require.Equal(t, exitcode.Other, coded.Code)
	require.Contains(t, coded.Hint, "--foreground")
	text, err := json.Marshal(report{Ready: true})
	require.NoError(t, err)
	require.True(t, listen(strings.NewReader(string(text))).Ready)
}
