package fusetest

import (
	"bytes"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

var _ View = (*Kernel)(nil)

func (k *Kernel) Stat(p string) (Attr, error) {
	header, err := k.node(p)
	if err != nil {
		return Attr{}, err
	}
	return k.getattr(fuse.GetAttrIn{InHeader: header})
}

func (k *Kernel) getattr(in fuse.GetAttrIn) (Attr, error) {
	var out fuse.AttrOut
	err := errnoOf(k.raw.GetAttr(k.Cancel, &in, &out))
	a := out.Attr
	return Attr{
		Ino: a.Ino, Size: a.Size, Mode: a.Mode, Nlink: a.Nlink, UID: a.Uid, GID: a.Gid,
		Atime: a.AccessTime(), Mtime: a.ModTime(), Ctime: a.ChangeTime(),
	}, err
}

// ReadDir sends READDIRPLUS with the buffer size that Linux begins with.
func (k *Kernel) ReadDir(p string) ([]Entry, error) {
	header, err := k.node(p)
	if err != nil {
		return nil, err
	}
	var opened fuse.OpenOut
	if err := errnoOf(k.raw.OpenDir(k.Cancel, &fuse.OpenIn{InHeader: header}, &opened)); err != nil {
		return nil, err
	}
	defer k.raw.ReleaseDir(&fuse.ReleaseIn{InHeader: header, Fh: opened.Fh})
	var entries []Entry
	for off := uint64(0); ; {
		list := fuse.NewDirEntryList(make([]byte, 4096), off)
		in := fuse.ReadIn{InHeader: header, Fh: opened.Fh, Offset: off}
		if err := errnoOf(k.raw.ReadDirPlus(k.Cancel, &in, list)); err != nil {
			return entries, err
		}
		page, _, err := fuse.ParseDirLookupEntries(list.Bytes())
		if err != nil || len(page) == 0 {
			return entries, err
		}
		for _, e := range page {
			if off = e.Off; e.Name != "." && e.Name != ".." {
				entries = append(entries, Entry{Name: e.Name, Ino: e.Ino, IsDir: e.Mode&syscall.S_IFMT == syscall.S_IFDIR})
			}
		}
	}
}

// Open sends OPEN, and then SETATTR for O_TRUNC as Linux does by default. With
// CAP_ATOMIC_O_TRUNC among the file system's options OPEN is all.
func (k *Kernel) Open(p string, flags int) (File, error) {
	header, err := k.node(p)
	if err != nil {
		return nil, err
	}
	var out fuse.OpenOut
	inOpen := flags
	if !k.truncates {
		inOpen &^= syscall.O_TRUNC
	}
	in := fuse.OpenIn{InHeader: header, Flags: uint32(inOpen)}
	if err := errnoOf(k.raw.Open(k.Cancel, &in, &out)); err != nil {
		return nil, err
	}
	f := &directFile{k, header, out.Fh}
	if flags&syscall.O_TRUNC != 0 && !k.truncates {
		if err := k.Truncate(p, 0); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

// Getxattr asks for the size first, as many programs do.
func (k *Kernel) Getxattr(p, name string) (string, error) {
	header, err := k.node(p)
	if err != nil {
		return "", err
	}
	buf, err := sized(func(buf []byte) (uint32, fuse.Status) { return k.raw.GetXAttr(k.Cancel, &header, name, buf) })
	return string(buf), err
}

func (k *Kernel) Listxattr(p string) ([]string, error) {
	header, err := k.node(p)
	if err != nil {
		return nil, err
	}
	buf, err := sized(func(buf []byte) (uint32, fuse.Status) { return k.raw.ListXAttr(k.Cancel, &header, buf) })
	return splitNames(buf), err
}

// sized calls with larger buffers until one is large enough.
func sized(call func([]byte) (uint32, fuse.Status)) ([]byte, error) {
	for buf := []byte(nil); ; {
		n, status := call(buf)
		if status != fuse.ERANGE {
			return buf[:min(int(n), len(buf))], errnoOf(status)
		}
		buf = make([]byte, n)
	}
}

// splitNames splits what listxattr(2) returns.
func splitNames(buf []byte) (names []string) {
	for name := range bytes.SplitSeq(buf, []byte{0}) {
		if len(name) > 0 {
			names = append(names, string(name))
		}
	}
	return names
}

func (k *Kernel) Create(p string) error {
	f, err := k.CreateFile(p, syscall.O_WRONLY|syscall.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// CreateFile sends CREATE if there is no such name, else OPEN.
func (k *Kernel) CreateFile(p string, flags int, mode uint32) (File, error) {
	switch _, err := k.Lookup(p); {
	case err == nil && flags&syscall.O_EXCL == 0:
		return k.Open(p, flags)
	case err != syscall.ENOENT:
		return nil, eexist(err)
	}
	header, name, err := k.parent(p)
	if err != nil {
		return nil, err
	}
	var out fuse.CreateOut
	in := fuse.CreateIn{InHeader: header, Flags: uint32(flags | syscall.O_CREAT), Mode: mode}
	if err := errnoOf(k.raw.Create(k.Cancel, &in, name, &out)); err != nil {
		return nil, err
	}
	k.remember(out.NodeId, "/"+p)
	return &directFile{k, k.header(out.NodeId), out.Fh}, nil
}

// eexist is the kernel's own answer for a name that was looked up with err.
func eexist(err error) error {
	if err == nil {
		return syscall.EEXIST
	}
	return err
}

func (k *Kernel) Mkdir(p string) error {
	header, name, err := k.parent(p)
	if err != nil {
		return err
	}
	return errnoOf(k.raw.Mkdir(k.Cancel, &fuse.MkdirIn{InHeader: header, Mode: 0o700}, name, &fuse.EntryOut{}))
}

func (k *Kernel) Mknod(p string) error {
	header, name, err := k.parent(p)
	if err != nil {
		return err
	}
	in := &fuse.MknodIn{InHeader: header, Mode: syscall.S_IFIFO | 0o600}
	return errnoOf(k.raw.Mknod(k.Cancel, in, name, &fuse.EntryOut{}))
}

func (k *Kernel) Symlink(target, p string) error {
	header, name, err := k.parent(p)
	if err != nil {
		return err
	}
	return errnoOf(k.raw.Symlink(k.Cancel, &header, target, name, &fuse.EntryOut{}))
}

func (k *Kernel) Link(from, to string) error {
	old, err := k.node(from)
	if err != nil {
		return err
	}
	header, name, err := k.parent(to)
	if err != nil {
		return err
	}
	in := &fuse.LinkIn{InHeader: header, Oldnodeid: old.NodeId}
	return errnoOf(k.raw.Link(k.Cancel, in, name, &fuse.EntryOut{}))
}

func (k *Kernel) Unlink(p string) error {
	header, name, err := k.parent(p)
	if err != nil {
		return err
	}
	return errnoOf(k.raw.Unlink(k.Cancel, &header, name))
}

func (k *Kernel) Rmdir(p string) error {
	header, name, err := k.parent(p)
	if err != nil {
		return err
	}
	return errnoOf(k.raw.Rmdir(k.Cancel, &header, name))
}

func (k *Kernel) Rename(from, to string) error {
	old, oldName, err := k.parent(from)
	if err != nil {
		return err
	}
	header, name, err := k.parent(to)
	if err != nil {
		return err
	}
	in := &fuse.RenameIn{InHeader: old, Newdir: header.NodeId}
	return errnoOf(k.raw.Rename(k.Cancel, in, oldName, name))
}

func (k *Kernel) Truncate(p string, size int64) error {
	return k.setattr(p, fuse.SetAttrInCommon{Valid: fuse.FATTR_SIZE, Size: uint64(size)})
}

func (k *Kernel) Chmod(p string, mode uint32) error {
	return k.setattr(p, fuse.SetAttrInCommon{Valid: fuse.FATTR_MODE, Mode: mode})
}

func (k *Kernel) Chown(p string, uid, gid int) error {
	owner := fuse.Owner{Uid: uint32(uid), Gid: uint32(gid)}
	return k.setattr(p, fuse.SetAttrInCommon{Valid: fuse.FATTR_UID | fuse.FATTR_GID, Owner: owner})
}

func (k *Kernel) Utimes(p string, t time.Time) error {
	return k.setattr(p, fuse.SetAttrInCommon{
		Valid: fuse.FATTR_ATIME | fuse.FATTR_MTIME, Atime: uint64(t.Unix()), Mtime: uint64(t.Unix()),
	})
}

func (k *Kernel) setattr(p string, in fuse.SetAttrInCommon) error {
	header, err := k.node(p)
	if err != nil {
		return err
	}
	in.InHeader = header
	return errnoOf(k.raw.SetAttr(k.Cancel, &fuse.SetAttrIn{SetAttrInCommon: in}, &fuse.AttrOut{}))
}

func (k *Kernel) Setxattr(p, name, value string) error {
	header, err := k.node(p)
	if err != nil {
		return err
	}
	return errnoOf(k.raw.SetXAttr(k.Cancel, &fuse.SetXAttrIn{InHeader: header}, name, []byte(value)))
}

func (k *Kernel) Removexattr(p, name string) error {
	header, err := k.node(p)
	if err != nil {
		return err
	}
	return errnoOf(k.raw.RemoveXAttr(k.Cancel, &header, name))
}

// directFile is a handle.
type directFile struct {
	k      *Kernel
	header fuse.InHeader
	fh     uint64
}

func (f *directFile) ReadAt(p []byte, off int64) (int, error) {
	in := fuse.ReadIn{InHeader: f.header, Fh: f.fh, Offset: uint64(off), Size: uint32(len(p))}
	result, status := f.k.raw.Read(f.k.Cancel, &in, p)
	if status != fuse.OK {
		return 0, errnoOf(status)
	}
	defer result.Done()
	data, status := result.Bytes(p)
	return copy(p, data), errnoOf(status)
}

func (f *directFile) WriteAt(p []byte, off int64) (int, error) {
	in := fuse.WriteIn{InHeader: f.header, Fh: f.fh, Offset: uint64(off), Size: uint32(len(p))}
	n, status := f.k.raw.Write(f.k.Cancel, &in, p)
	return int(n), errnoOf(status)
}

func (f *directFile) Stat() (Attr, error) {
	in := fuse.GetAttrIn{InHeader: f.header, Fh_: f.fh, Flags_: fuse.FUSE_GETATTR_FH}
	return f.k.getattr(in)
}

func (f *directFile) Sync() error {
	return errnoOf(f.k.raw.Fsync(f.k.Cancel, &fuse.FsyncIn{InHeader: f.header, Fh: f.fh}))
}

func (f *directFile) Truncate(size int64) error {
	in := fuse.SetAttrInCommon{InHeader: f.header, Valid: fuse.FATTR_SIZE | fuse.FATTR_FH, Fh: f.fh, Size: uint64(size)}
	return errnoOf(f.k.raw.SetAttr(f.k.Cancel, &fuse.SetAttrIn{SetAttrInCommon: in}, &fuse.AttrOut{}))
}

// Close sends what the last close(2) does: FLUSH, whose error close returns, and
// RELEASE.
func (f *directFile) Close() error {
	status := f.k.raw.Flush(f.k.Cancel, &fuse.FlushIn{InHeader: f.header, Fh: f.fh})
	f.k.raw.Release(f.k.Cancel, &fuse.ReleaseIn{InHeader: f.header, Fh: f.fh})
	return errnoOf(status)
}
