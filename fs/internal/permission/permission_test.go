package permission

import (
	"reflect"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"
)

func TestAllows(t *testing.T) {
	const uid, gid = 1000, 2000
	for name, c := range map[string]struct {
		mode, uid, gid uint32
		want           uint32
		allowed        bool
	}{
		"the owner reads":                                 {0o400, uid, 1, read, true},
		"the owner does not write":                        {0o400, uid, 1, write, false},
		"the owner has not what the group has":            {0o070, uid, gid, read, false},
		"the owner has not what others have":              {0o007, uid, 1, read, false},
		"the group reads":                                 {0o440, 1, gid, read, true},
		"the group has not what others have":              {0o604, 1, gid, read, false},
		"others read":                                     {0o404, 1, 1, read, true},
		"others do not read":                              {0o440, 1, 1, read, false},
		"others may enter and not list":                   {0o511, 1, 1, execute, true},
		"others may not list what they may enter":         {0o511, 1, 1, read, false},
		"to read and write wants both":                    {0o600, uid, gid, read | write, true},
		"to read and write wants both, and there is one":  {0o400, uid, gid, read | write, false},
		"to change names wants both":                      {0o200, uid, gid, write | execute, false},
		"whom the kernel does not name is one of others":  {0o440, ^uint32(0), ^uint32(0), read, false},
		"whom the kernel does not name reads what all do": {0o444, ^uint32(0), ^uint32(0), read, true},
	} {
		attr := fuse.Attr{Mode: syscall.S_IFREG | c.mode, Owner: fuse.Owner{Uid: uid, Gid: gid}}
		require.Equal(t, c.allowed, allows(&attr, fuse.Caller{Owner: fuse.Owner{Uid: c.uid, Gid: c.gid}}, c.want), name)
	}
}

func TestWhatAnOpenWants(t *testing.T) {
	for flags, want := range map[uint32]uint32{
		syscall.O_RDONLY:                    read,
		syscall.O_WRONLY:                    write,
		syscall.O_RDWR:                      read | write,
		3:                                   read | write,
		syscall.O_RDONLY | syscall.O_TRUNC:  read | write,
		syscall.O_WRONLY | syscall.O_APPEND: write,
	} {
		require.Equal(t, want, wanted(flags), "%#x", flags)
	}
}

// file answers for a file of user 1000 with that mode.
type file struct {
	fuse.RawFileSystem
	mode   uint32
	status fuse.Status
}

func (f file) GetAttr(_ <-chan struct{}, _ *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	out.Mode, out.Uid, out.Gid = syscall.S_IFREG|f.mode, 1000, 2000
	return f.status
}

func (file) SetAttr(<-chan struct{}, *fuse.SetAttrIn, *fuse.AttrOut) fuse.Status { return fuse.OK }

func TestSetattr(t *testing.T) {
	const now = fuse.FATTR_ATIME | fuse.FATTR_MTIME | fuse.FATTR_ATIME_NOW | fuse.FATTR_MTIME_NOW
	for name, c := range map[string]struct {
		who                fuse.Owner
		mode, valid        uint32
		newOwner, newGroup uint32
		want               fuse.Status
	}{
		"root changes the owner":             {who: fuse.Owner{Uid: 0}, valid: fuse.FATTR_UID, newOwner: 5},
		"the owner changes the mode":         {who: fuse.Owner{Uid: 1000}, valid: fuse.FATTR_MODE},
		"somebody changes the mode":          {who: fuse.Owner{Uid: 5}, mode: 0o666, valid: fuse.FATTR_MODE, want: fuse.EPERM},
		"the owner gives it away":            {who: fuse.Owner{Uid: 1000}, valid: fuse.FATTR_UID, newOwner: 5, want: fuse.EPERM},
		"the owner keeps it":                 {who: fuse.Owner{Uid: 1000}, valid: fuse.FATTR_UID, newOwner: 1000},
		"somebody takes it":                  {who: fuse.Owner{Uid: 5}, mode: 0o666, valid: fuse.FATTR_UID, newOwner: 5, want: fuse.EPERM},
		"the owner gives it to his group":    {who: fuse.Owner{Uid: 1000, Gid: 7}, valid: fuse.FATTR_GID, newGroup: 7},
		"the owner gives it to another":      {who: fuse.Owner{Uid: 1000, Gid: 7}, valid: fuse.FATTR_GID, newGroup: 8, want: fuse.EPERM},
		"somebody gives it to his group":     {who: fuse.Owner{Uid: 5, Gid: 7}, mode: 0o666, valid: fuse.FATTR_GID, newGroup: 7, want: fuse.EPERM},
		"a reader cuts it":                   {who: fuse.Owner{Uid: 5, Gid: 2000}, mode: 0o640, valid: fuse.FATTR_SIZE, want: fuse.EACCES},
		"a writer cuts it":                   {who: fuse.Owner{Uid: 5, Gid: 2000}, mode: 0o620, valid: fuse.FATTR_SIZE},
		"a handle cuts it":                   {who: fuse.Owner{Uid: 5}, mode: 0o600, valid: fuse.FATTR_SIZE | fuse.FATTR_FH},
		"a writer touches it":                {who: fuse.Owner{Uid: 5}, mode: 0o602, valid: now},
		"a reader touches it":                {who: fuse.Owner{Uid: 5}, mode: 0o604, valid: now, want: fuse.EACCES},
		"a writer sets another date":         {who: fuse.Owner{Uid: 5}, mode: 0o602, valid: fuse.FATTR_MTIME, want: fuse.EPERM},
		"the owner sets a date":              {who: fuse.Owner{Uid: 1000}, mode: 0o400, valid: fuse.FATTR_MTIME},
		"a handle is no leave for its mode":  {who: fuse.Owner{Uid: 5}, mode: 0o666, valid: fuse.FATTR_MODE | fuse.FATTR_FH, want: fuse.EPERM},
		"cutting is no leave for its owner":  {who: fuse.Owner{Uid: 5}, mode: 0o666, valid: fuse.FATTR_SIZE | fuse.FATTR_UID, newOwner: 5, want: fuse.EPERM},
		"whom the kernel does not name cuts": {who: fuse.Owner{Uid: ^uint32(0), Gid: ^uint32(0)}, mode: 0o660, valid: fuse.FATTR_SIZE, want: fuse.EACCES},
	} {
		in := fuse.SetAttrIn{}
		in.InHeader.Caller.Owner, in.Valid = c.who, c.valid
		in.SetAttrInCommon.Owner = fuse.Owner{Uid: c.newOwner, Gid: c.newGroup}
		require.Equal(t, c.want, Check(file{mode: c.mode}).SetAttr(nil, &in, new(fuse.AttrOut)), name)
	}
}

// What cannot be found out is allowed to nobody but root, and is no lack of rights.
func TestAnErrorIsNoPermission(t *testing.T) {
	in := fuse.OpenIn{InHeader: fuse.InHeader{Caller: fuse.Caller{Owner: fuse.Owner{Uid: 1000}}}}
	require.Equal(t, fuse.EIO, Check(file{mode: 0o777, status: fuse.EIO}).Open(nil, &in, new(fuse.OpenOut)))
}

// A message that go-fuse knows is checked, or is known to need no check. A new one is
// neither until somebody has thought about it.
func TestEveryMessageIsThoughtOf(t *testing.T) {
	free := []string{
		"Read", "Write", "Writev", "Lseek", "Flush", "Fsync", "Release", "Fallocate", "CopyFileRange", "Ioctl", "GetLk", "SetLk", "SetLkw", // of an open file
		"ReadDir", "ReleaseDir", "FsyncDir", // of an open directory
		"Forget", "StatFs", "Statx", "Readlink", "ListXAttr", // want nothing but to have got there
		"Init", "OnUnmount", "String", "SetDebug", // no requests
	}
	for m := range reflect.TypeFor[fuse.RawFileSystem]().Methods() {
		ours, ok := reflect.TypeFor[checked]().MethodByName(m.Name)
		require.True(t, ok)
		code := ours.Func.Pointer()
		at, _ := runtime.FuncForPC(code).FileLine(code)
		checks := at != "<autogenerated>" // as what is handed on to the embedded one is
		require.NotEqual(t, checks, slices.Contains(free, m.Name), m.Name)
	}
}
