package fs

import (
	"context"
	"sync/atomic"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/generation"
)

// How watchers of a folder that shows links (see package generation) are told of a new
// generation: as by Kubernetes, a link ..data_tmp is made and renamed to ..data.

// newDataName is what ..data is called until it is in its place.
const newDataName = "..data_tmp"

// swapEvent tells that ..data of d leads to the generation of that name.
func (d *dir) swapEvent(name string) []event {
	if !d.fs.tellsWatchers() {
		return nil
	}
	return []event{{kind: swapped, dir: d.where(), shown: generation.Data, link: name, linked: new(atomic.Bool)}}
}

// lookupSwap finds ..data_tmp once it has been made, and ..data.
func (p *event) lookupSwap(ctx context.Context, d *dir, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	out.SetEntryTimeout(1) // not zero: then go-fuse would set its own
	switch {
	case d != p.parent():
		return nil, errUnforeseen
	case name == generation.Data:
		return d.dataLink(ctx, generation.Data, &out.Attr), 0
	case name == newDataName && p.linked.Load():
		return d.dataLink(ctx, p.link, &out.Attr), 0
	case name == newDataName:
		return nil, syscall.ENOENT
	}
	return nil, errUnforeseen
}

// symlink makes ..data_tmp, or a secret's link.
func (p *event) symlink(ctx context.Context, d *dir, name, target string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	out.SetEntryTimeout(1)
	switch {
	case d != p.parent() || target != p.link:
	case p.kind == swapped && name == newDataName:
		p.linked.Store(true)
		return d.dataLink(ctx, p.link, &out.Attr), 0
	case p.kind == appeared && name == p.shown:
		return d.secretLink(ctx, name, out), 0
	}
	return nil, errUnforeseen
}

func (p *event) rename(d *dir, name string, to fusefs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if p.kind != swapped || d != p.parent() || to != fusefs.InodeEmbedder(d) || name != newDataName || newName != generation.Data || flags != 0 {
		return errUnforeseen
	}
	return 0
}
