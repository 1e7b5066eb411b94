#!/bin/sh
# FOPEN_DIRECT_IO does not keep a FUSE file out of the page cache. read(2) passes it by, but
# sendfile(2) and a private mapping fill pages through such an open file, and pages belong to the
# inode: a second open, with direct I/O too and for another version, is sent the bytes of the first,
# and a mapping of the first that was read already changes to the bytes of the second once that is
# mapped (mmap drops the pages that there are, and the next fault fills them anew). read(2) on the
# same descriptors gives the right bytes all the time.
# A file system that gives each open its own snapshot, and direct I/O so that nobody gets another's,
# mixes versions so.
# Needs root, /dev/fuse and the Go toolchain; the module is pinned.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >go.mod <<'END'
module directio

go 1.24

require github.com/hanwen/go-fuse/v2 v2.12.1
END
cat >main.go <<'END'
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

const size = 9 // of each version: the kernel believes in one size

// file shows each open the next version.
type file struct {
	fs.Inode
	opens atomic.Int64
}

func (f *file) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size = 0o444, size
	return 0
}

func (f *file) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return version(fmt.Sprintf("version %d", f.opens.Add(1))), fuse.FOPEN_DIRECT_IO, 0
}

type version string

func (v version) Read(_ context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	return fuse.ReadResultData([]byte(v[min(int(off), len(v)):])), 0
}

func main() {
	if len(os.Args) > 1 {
		look(os.Args[1])
		return
	}
	root := &fs.Inode{}
	must(os.Mkdir("mnt", 0o755))
	server, err := fs.Mount("mnt", root, &fs.Options{
		MountOptions: fuse.MountOptions{DirectMountStrict: true},
		OnAdd:        func(ctx context.Context) { root.AddChild("f", root.NewPersistentInode(ctx, &file{}, fs.StableAttr{}), true) },
	})
	must(err)
	// Another process looks: one that serves a mount should not map files of it.
	looker := exec.Command("/proc/self/exe", "mnt/f")
	looker.Stdout, looker.Stderr = os.Stdout, os.Stderr
	err = looker.Run()
	must(server.Unmount())
	must(err)
}

func look(path string) {
	first, err := os.Open(path)
	must(err)
	second, err := os.Open(path)
	must(err)
	text := make([]byte, size)
	read := func(f *os.File) string {
		_, err := f.ReadAt(text, 0)
		must(err)
		return string(text)
	}
	sent := func(f *os.File) string {
		var pipe [2]int
		must(syscall.Pipe(pipe[:]))
		var at int64
		_, err := syscall.Sendfile(pipe[1], int(f.Fd()), &at, size)
		must(err)
		_, err = syscall.Read(pipe[0], text)
		must(err)
		return string(text)
	}
	mapped := func(f *os.File) []byte {
		pages, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ, syscall.MAP_PRIVATE)
		must(err)
		return pages
	}
	fmt.Printf("the first open: read %q, sendfile %q\n", read(first), sent(first))
	fmt.Printf("the second open: read %q, sendfile %q\n", read(second), sent(second))
	one := mapped(first)
	fmt.Printf("the first, mapped: %q\n", one)
	two := mapped(second)
	fmt.Printf("the second, mapped: %q\n", two)
	fmt.Printf("the first, the same mapping: %q, read %q, sendfile %q\n", one, read(first), sent(first))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
END
GOFLAGS=-mod=mod go build -o directio .
echo "Linux $(uname -r), go-fuse v2.12.1"
cat >want <<'END'
the first open: read "version 1", sendfile "version 1"
the second open: read "version 2", sendfile "version 1"
the first, mapped: "version 1"
the second, mapped: "version 2"
the first, the same mapping: "version 2", read "version 1", sendfile "version 2"
END
unshare --mount --propagation private ./directio >said
cat said
cmp -s want said || { echo "changed" >&2; exit 1; }
