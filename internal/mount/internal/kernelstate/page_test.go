//go:build linux

package kernelstate

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"
)

// A page is shown to whoever has the file open, so none is filled beside who has it open
// from a process before and has lost his version, until he has closed it.
func TestPagesBesideWhoHasLostHisVersion(t *testing.T) {
	const cached, direct, lost, listed, written = 1<<32 | 1, 1<<32 | 2, 1<<32 | 3, 1<<32 | 4, 1<<32 | 5
	fill := func(f *FS, number uint64) fuse.Status {
		_, status := f.Read(nil, &fuse.ReadIn{InHeader: fuse.InHeader{NodeId: file}, Fh: number}, nil)
		return status
	}
	for what, other := range map[string]Handle{
		"of another version":  {Number: lost, Node: file, Version: version ^ 99, Salt: salt, Answer: fuse.FOPEN_DIRECT_IO},
		"that was taken away": {Number: lost, Node: file, Status: int32(fuse.EACCES)},
		"to read and write":   {Number: lost, Node: file, Flags: syscall.O_RDWR},
	} {
		t.Run(what, func(t *testing.T) {
			state := before()
			state.Handles = []Handle{
				{Number: cached, Node: file, Version: version ^ salt, Salt: salt},
				{Number: direct, Node: file, Version: version ^ salt, Salt: salt, Answer: fuse.FOPEN_DIRECT_IO},
				{Number: listed, Node: folder, Dir: true, Version: version ^ 99, Salt: salt},
				{Number: written, Node: file, Flags: syscall.O_WRONLY},
				other,
			}
			f, _ := heir(t, state)
			var own fuse.OpenOut
			require.Equal(t, fuse.OK, call(f, "Lookup", folder, 0))
			require.Equal(t, fuse.OK, f.Open(nil, &fuse.OpenIn{InHeader: fuse.InHeader{NodeId: file}}, &own))
			require.Equal(t, stale, fill(f, cached))
			require.Equal(t, fuse.EINVAL, fill(f, direct))
			require.Equal(t, stale, fill(f, own.Fh))
			require.Equal(t, fuse.OK, call(f, "Read", file, direct), "without pages")
			call(f, "Release", file, lost)
			for _, number := range []uint64{cached, direct, own.Fh} {
				require.Equal(t, fuse.OK, fill(f, number))
			}
		})
	}
}

// slow opens nothing before its time.
type slow struct{ *strict }

func (s slow) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if in.Flags == syscall.O_NOATIME {
		<-time.After(time.Minute)
	}
	return s.strict.Open(cancel, in, out)
}

// The lock of the page is not held for as long as the server may take.
func TestPagesDoNotWaitForTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := before()
		state.Handles = []Handle{
			{Number: openFile, Node: file, Version: version ^ salt, Salt: salt, Answer: fuse.FOPEN_DIRECT_IO},
			{Number: openToWrite, Node: file, Version: version ^ salt, Salt: salt, Answer: fuse.FOPEN_DIRECT_IO, Flags: syscall.O_NOATIME},
		}
		below := newStrict(t, names)
		below.version = version
		f := New(slow{below}, nil, state, silent)
		began := time.Now()
		_, status := f.Read(nil, &fuse.ReadIn{InHeader: fuse.InHeader{NodeId: file}, Fh: openFile}, nil)
		require.Equal(t, fuse.EINVAL, status)
		require.Equal(t, pageWait, time.Since(began))
		<-time.After(2 * time.Minute)
		_, status = f.Read(nil, &fuse.ReadIn{InHeader: fuse.InHeader{NodeId: file}, Fh: openFile}, nil)
		require.Equal(t, fuse.OK, status)
	})
}
