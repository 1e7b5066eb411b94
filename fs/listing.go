package fs

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"sync/atomic"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/controldir"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/generation"
	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/secret"
)

// listing is an open directory. It shows one snapshot from beginning to end;
// rewinding takes a new one. go-fuse makes one call at a time, except Releasedir.
type listing struct {
	dir     *dir
	snap    atomic.Pointer[secret.Folder] // nil once revoked or released
	loaded  bool
	entries []fuse.DirEntry // perhaps those of other listings too: nobody writes into it
	print   uint64          // their fingerprint
	next    int
	cached  bool // it fills what the kernel keeps, or is not asked because of it
}

// OpendirHandle takes the snapshot that the listing shows. It is taken here and
// not at the first read, because many programs check opendir only. At the root
// it waits for the read unless it is at hand: df and others that look after mounts open
// it, and must not hang on a server.
func (d *dir) OpendirHandle(ctx context.Context, _ uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	d.fs.known.Store(true)
	l := &listing{dir: d}
	if d.isRoot() {
		if !l.loadFresh() {
			return l, 0, 0
		}
	} else if errno := l.load(ctx); errno != 0 {
		return nil, 0, errno
	}
	return l, l.openFlags(), 0
}

// load takes a snapshot and goes to its beginning.
func (l *listing) load(ctx context.Context) syscall.Errno {
	f, dir := l.dir.fs, l.dir.where()
	err := l.take(func() (*secret.Folder, error) {
		snap, err := f.list(ctx, dir)
		if err == nil && l.dir.links() {
			_, err = l.dir.generation(ctx)
		}
		return snap, err
	})
	if err != nil {
		return f.failed("opendir", dir.String(), err)
	}
	return 0
}

// errNotFresh is told to nobody.
var errNotFresh = errors.New("not at hand")

// loadFresh is load if that needs neither a request nor a wait.
func (l *listing) loadFresh() bool {
	keeper, ok := l.dir.fs.cfg.Source.(secret.Keeper)
	if !ok || l.dir.links() {
		return false
	}
	return l.take(func() (*secret.Folder, error) {
		snap := keeper.Fresh(l.dir.where(), secret.NeedListing)
		if snap == nil || snap.NoSubfolders {
			return nil, errNotFresh
		}
		return snap, nil
	}) == nil
}

func (l *listing) take(snapshot func() (*secret.Folder, error)) error {
	f := l.dir.fs
	here := f.overlay.Shown(l.dir.where()) // before the server's: what goes from one to the other meanwhile is in both
	err := f.opened.Open(l, func() error {
		snap, err := snapshot()
		if err == nil {
			l.snap.Store(snap)
		}
		return err
	})
	if err == nil {
		l.entries, l.print = l.dir.listed(l.snap.Load(), here)
		l.next, l.loaded = 0, true
	}
	return err
}

// openFlags lets the kernel show what it has from an equal listing before.
func (l *listing) openFlags() uint32 {
	d := l.dir
	if d.fs.cfg.KernelCache == CacheOff || d.fs.cfg.TTL == 0 {
		return 0
	}
	if l.cached = d.pages.Open(l.print); !l.cached {
		d.forgetListing() // which makes room for the next, or for this one
		l.cached = d.pages.Open(l.print)
	}
	if l.cached {
		return fuse.FOPEN_CACHE_DIR | fuse.FOPEN_KEEP_CACHE
	}
	return 0
}

// listed lists a snapshot, with what is only here, and returns the fingerprint of that.
func (d *dir) listed(snap *secret.Folder, only overlay.Shown) ([]fuse.DirEntry, uint64) {
	if snap == nil || d.links() || len(only.Files)+len(only.Covered) > 0 {
		entries := d.entries(snap, only)
		return entries, fingerprint(entries)
	}
	renames := d.fs.renames.Count()
	entries, print, ok := d.lastListing.Find(snap, renames)
	if !ok {
		entries = d.entries(snap, only)
		print = fingerprint(entries)
		d.lastListing.Keep(snap, renames, entries, print)
	}
	return entries, print
}

// entries lists a snapshot, with what is only here.
func (d *dir) entries(snap *secret.Folder, only overlay.Shown) []fuse.DirEntry {
	if snap == nil {
		return nil
	}
	here := d.where()
	hidden := only.Covered
	list := make([]fuse.DirEntry, 0, 2+len(snap.Folders)+len(snap.Secrets))
	add := func(name string, id fusefs.StableAttr) {
		list = append(list, fuse.DirEntry{Name: name, Mode: id.Mode, Ino: id.Ino, Off: uint64(len(list) + 1)})
	}
	add(".", d.StableAttr())
	add("..", d.above().StableAttr())
	for _, sub := range snap.Folders {
		name := filename.Encode(sub.Name)
		switch {
		case !here.Leads(sub.Name):
			d.fs.log.Debug("folder is not shown: its name cannot be part of a path", "path", here.String(), "name", name)
		case !d.shadows(name):
			add(name, d.folderID(sub.Name))
		}
	}
	links := d.links()
	if g := d.history().Latest(); links && g != nil {
		add(generation.Data, d.linkID(generation.Data))
		add(g.Name, d.generationID(g.Name))
	}
	for _, s := range snap.Secrets {
		if links {
			shown := filename.OfSecret(snap, s.Name)
			add(shown, d.linkID(shown))
			continue
		}
		if name := filename.OfSecret(snap, s.Name); !d.shadows(name) && !hidden[s.Name] {
			add(name, d.secretID(name, s.Name))
		}
	}
	for _, sc := range only.Files {
		if e, ok := filename.Resolve(snap, sc.Name); !ok || e.Secret != nil && hidden[e.Secret.Name] {
			add(sc.Name, sc.ID)
		}
	}
	for _, name := range d.listedViews(snap, only) {
		add(name, inode.View(d.StableAttr(), name))
	}
	return list
}

// listedViews are the views that a listing of snap has, by name: those that are to be
// listed and whose names nothing else has, on the server or only here.
func (d *dir) listedViews(snap *secret.Folder, only overlay.Shown) (names []string) {
	if !d.where().IsFolder() {
		return nil
	}
	for _, name := range d.fs.cfg.ListedViews {
		_, taken := filename.Resolve(snap, name)
		for _, here := range only.Files {
			taken = taken || here.Name == name
		}
		if !taken && d.fs.cfg.Views[name] != nil {
			names = append(names, name)
		}
	}
	return names
}

// shadows reports whether a name is taken by this file system itself.
func (d *dir) shadows(name string) bool {
	return d.isRoot() && name == controldir.Name && !d.fs.cfg.NoControl
}

func (l *listing) Readdirent(ctx context.Context) (*fuse.DirEntry, syscall.Errno) {
	if !l.loaded {
		if errno := l.load(ctx); errno != 0 {
			return nil, errno
		}
	}
	if l.snap.Load() == nil {
		return nil, syscall.EACCES
	}
	if l.next == len(l.entries) {
		return nil, 0
	}
	l.next++
	return &l.entries[l.next-1], 0
}

// Lookup gives the attributes of a listed entry, from the same snapshot.
func (l *listing) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	snap := l.snap.Load()
	if snap == nil {
		return nil, syscall.EACCES
	}
	if child, errno, ok := l.dir.lookupGeneration(ctx, name, out); ok {
		return child, errno
	}
	if child := l.dir.fs.scratchFileChild(ctx, l.dir, name, &out.Attr); child != nil {
		return child, 0
	}
	e, ok := filename.Resolve(snap, name)
	if !ok && slices.Contains(l.dir.fs.cfg.ListedViews, name) {
		return l.dir.Lookup(ctx, name, out)
	}
	if !ok || e.Secret != nil && l.dir.left(e.Secret.Name) {
		return nil, syscall.ENOENT
	}
	return l.dir.child(ctx, snap, e, out), 0
}

// left reports whether a secret has left its name here, perhaps since a listing
// began. If it is back, the kernel finds that by asking.
func (d *dir) left(name string) bool {
	dir := d.where()
	return d.fs.overlay.WasUnlinked(dir, name) || d.fs.overlay.Whiteout(dir, name) != nil
}

func (l *listing) Seekdir(ctx context.Context, off uint64) syscall.Errno {
	if off == 0 {
		return l.rewind(ctx)
	}
	if off > uint64(len(l.entries)) {
		return syscall.EINVAL
	}
	l.next = int(off)
	return 0
}

// rewind takes a new snapshot. If it lists something else, what the kernel keeps
// is neither the old listing nor the new one.
func (l *listing) rewind(ctx context.Context) syscall.Errno {
	before := l.entries
	errno := l.load(ctx)
	if errno == 0 && l.cached && !slices.Equal(before, l.entries) {
		l.dir.pages.Outdate()
	}
	return errno
}

func (l *listing) Fsyncdir(context.Context, uint32) syscall.Errno { return 0 }

func (l *listing) Releasedir(context.Context, uint32) {
	l.dir.fs.opened.Close(l)
	l.Revoke()
	if l.cached {
		l.dir.pages.Close()
	}
}

func (l *listing) Folder() secret.Dir { return l.dir.where() }
func (l *listing) Revoke()            { l.snap.Store(nil) }

var listingSeed = maphash.MakeSeed()

// fingerprint tells listings apart. It is never 0.
func fingerprint(entries []fuse.DirEntry) uint64 {
	var h maphash.Hash
	h.SetSeed(listingSeed)
	for _, e := range entries {
		maphash.WriteComparable(&h, e.Ino)
		maphash.WriteComparable(&h, e.Mode)
		h.WriteString(e.Name)
		h.WriteByte(0)
	}
	return max(1, h.Sum64())
}
