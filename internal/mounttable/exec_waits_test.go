//go:build linux

package mounttable

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// slow is a file system of one file that is told of each close, and waits before it answers.
type slow struct {
	fuse.RawFileSystem
	closing, answer chan struct{}
}

func (s slow) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	if out.Mode = unix.S_IFREG | 0o644; in.NodeId == fuse.FUSE_ROOT_ID {
		out.Mode = unix.S_IFDIR | 0o755
	}
	return fuse.OK
}

func (s slow) Lookup(_ <-chan struct{}, _ *fuse.InHeader, _ string, out *fuse.EntryOut) fuse.Status {
	out.NodeId, out.Mode = 2, unix.S_IFREG|0o644
	return fuse.OK
}

func (s slow) Open(<-chan struct{}, *fuse.OpenIn, *fuse.OpenOut) fuse.Status { return fuse.OK }

func (s slow) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status {
	s.closing <- struct{}{}
	<-s.answer
	return fuse.OK
}

const startsAnother = "STARTS_ANOTHER_WITH"

// A process that starts another program has to close a file first, which waits. Who looks
// for users of mounts is not kept waiting by that, and names the process.
func TestAProcessThatIsBeingStartedKeepsNobodyWaiting(t *testing.T) {
	if file := os.Getenv(startsAnother); file != "" { // this is that process
		_, err := os.Open(file)
		require.NoError(t, err)
		t.Fatal(unix.Exec("/bin/sleep", []string{"sleep", "600"}, nil))
	}
	point := t.TempDir()
	s := slow{fuse.NewDefaultRawFileSystem(), make(chan struct{}), make(chan struct{})}
	server, err := fuse.NewServer(s, point, &fuse.MountOptions{DirectMount: true})
	if err != nil && os.Getenv("REQUIRE_FUSE") == "" {
		t.Skip("no FUSE: ", err)
	}
	require.NoError(t, err)
	go server.Serve()
	defer server.Unmount()
	require.NoError(t, server.WaitMount())
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), startsAnother+"="+filepath.Join(point, "FILE"))
	require.NoError(t, cmd.Start())
	defer cmd.Wait()
	defer cmd.Process.Kill()
	<-s.closing
	defer close(s.answer)

	var st unix.Stat_t
	require.NoError(t, unix.Stat(point, &st))
	connection, ofNobody := int(unix.Minor(uint64(st.Dev))), 1<<19
	require.Empty(t, Users(ofNobody))
	var user *Holder
	for _, h := range Users(connection)[connection] {
		if h.PID == cmd.Process.Pid {
			user = &h
		}
	}
	require.NotNil(t, user)
	require.Contains(t, user.String(), beingStarted)
	Holders(connection)
	WritableInReadOnly()
}

// However many there are, the questions that wait are few, and the next is not asked.
func TestQuestionsThatWaitAreFew(t *testing.T) {
	end := make(chan struct{})
	for range maxUnended {
		unended <- struct{}{}
	}
	_, ok := ask(func() bool { <-end; return true })
	require.False(t, ok)
	close(end)
	for range maxUnended {
		<-unended
	}
	require.Eventually(t, func() bool {
		answer, ok := ask(func() bool { return true })
		return answer && ok
	}, 20*time.Second, time.Millisecond)
}
