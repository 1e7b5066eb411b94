//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// How the bare program answers an OPEN.
const (
	bareKeep   = "keep"   // the kernel keeps pages and sends no FLUSH: one message
	bareDirect = "direct" // direct I/O: OPEN, READ, READ, FLUSH
	bareNone   = "none"   // the kernel is told once not to ask: no message
)

// serveBare mounts the least that shows the files of [fileNames] and serves it
// until ctx ends: what go-fuse and the kernel cost by themselves.
func serveBare(ctx context.Context, dir, mode string) error {
	long := time.Hour
	root := &bareDir{}
	options := &fusefs.Options{
		EntryTimeout: &long, AttrTimeout: &long, NegativeTimeout: &long,
		UID: uint32(os.Getuid()), GID: uint32(os.Getgid()),
		OnAdd: func(ctx context.Context) {
			files := root.NewPersistentInode(ctx, &bareDir{mode: mode}, fusefs.StableAttr{Mode: fuse.S_IFDIR})
			root.AddChild(filesDir, files, true)
			for i := range fileCount {
				file := files.NewPersistentInode(ctx, &bareFile{mode: mode, text: fileValue(i)}, fusefs.StableAttr{Mode: fuse.S_IFREG})
				files.AddChild(fileName(i), file, true)
			}
		},
	}
	options.MountOptions = fuse.MountOptions{
		FsName: "bare", Name: "bare", DirectMount: true, MaxWrite: 128 << 10,
		Options: []string{"default_permissions"},
	}
	server, err := fusefs.Mount(dir, root, options)
	if err != nil {
		return fmt.Errorf("mounting the bare program on %s: %w", dir, err)
	}
	fmt.Fprintln(os.Stderr, "mounted on "+dir)
	<-ctx.Done()
	return server.Unmount()
}

// bareDir is a directory. The kernel may keep its listing where it keeps pages.
type bareDir struct {
	fusefs.Inode
	mode string
}

var _ fusefs.NodeOpendirHandler = (*bareDir)(nil)

func (d *bareDir) OpendirHandle(context.Context, uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	list := make([]fuse.DirEntry, 0, fileCount)
	for name, child := range d.Children() {
		list = append(list, fuse.DirEntry{Name: name, Mode: child.Mode(), Ino: child.StableAttr().Ino})
	}
	if d.mode == bareDirect {
		return fusefs.NewListDirStream(list).(fusefs.FileHandle), 0, 0
	}
	return fusefs.NewListDirStream(list).(fusefs.FileHandle), fuse.FOPEN_CACHE_DIR | fuse.FOPEN_KEEP_CACHE, 0
}

// bareFile is a file with a text.
type bareFile struct {
	fusefs.Inode
	mode string
	text string
}

// bareHandle is an open file: what it shows is decided at open.
type bareHandle struct{ text string }

var (
	_ fusefs.NodeOpener    = (*bareFile)(nil)
	_ fusefs.NodeReader    = (*bareFile)(nil)
	_ fusefs.NodeFlusher   = (*bareFile)(nil)
	_ fusefs.NodeGetattrer = (*bareFile)(nil)
	_ fusefs.FileReader    = (*bareHandle)(nil)
)

func (f *bareFile) Open(context.Context, uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	switch f.mode {
	case bareNone:
		return nil, 0, syscall.ENOSYS
	case bareDirect:
		return &bareHandle{f.text}, fuse.FOPEN_DIRECT_IO, 0
	}
	return &bareHandle{f.text}, fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_NOFLUSH, 0
}

func (f *bareFile) Read(ctx context.Context, _ fusefs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	return (&bareHandle{f.text}).Read(ctx, dest, off)
}

func (h *bareHandle) Read(_ context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if off >= int64(len(h.text)) {
		return fuse.ReadResultData(nil), 0
	}
	return fuse.ReadResultData(dest[:copy(dest, h.text[off:])]), 0
}

func (f *bareFile) Flush(context.Context, fusefs.FileHandle) syscall.Errno {
	if f.mode == bareNone {
		return syscall.ENOSYS
	}
	return 0
}

func (f *bareFile) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size, out.Uid, out.Gid = 0o600, uint64(len(f.text)), uint32(os.Getuid()), uint32(os.Getgid())
	return 0
}
