package fs

import (
	"context"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/fs/internal/emit"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/openfiles"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/pagecache"
	"infisicalfs/secret"
)

// Apply takes news from the Source. If it says that something may no longer be
// shown, whatever is open there reads EACCES when Apply returns. The kernel is
// told in the background what it has to forget: such a message waits for the
// lookups that are under way in a directory, and one of them may be waiting for
// whoever calls Apply.
func (f *FS) Apply(change secret.Change) {
	if lost := revokes(change); lost != nil {
		n := f.revoke(lost)
		if change.Err != nil {
			f.dropOverlay(func(dir secret.Dir) bool { return concerns(change, dir) },
				func(sc *overlay.File, at overlay.Name) { f.keepFile(sc, at, "access to its folder was revoked") })
		}
		f.log.Warn("access revoked", "path", change.Dir.String(), "below", change.Deep, "open", n, "error", change.Err)
	}
	if !f.known.Load() {
		return
	}
	if out, ok := f.outdated(change); ok {
		f.announce(out, change.New)
		f.news.add(out, f.invalidate)
	}
}

// revoke takes their content from open files, and what the kernel has of it.
// That is told to the kernel here and now: the message takes locks of pages only,
// and their READs are answered without asking anybody.
func (f *FS) revoke(lost func(openfiles.File) bool) int {
	gone := f.opened.Revoke(lost)
	for _, r := range gone {
		switch r := r.(type) {
		case *handle:
			if r.cached {
				r.file.forget()
			}
		case *viewHandle:
			r.view.NotifyContent(0, 0) // it may be mapped
		case *listing:
			r.dir.pages.Outdate()
			r.dir.forgetListing()
		case *watchedGeneration:
			r.forget()
		}
	}
	return len(gone)
}

// revokes says which open files change takes the content from, nil if none: all
// that it denies, and secrets whose value is hidden from now on.
func revokes(change secret.Change) func(openfiles.File) bool {
	if change.Err != nil {
		return func(r openfiles.File) bool { return concerns(change, r.Folder()) }
	}
	if !deniesSome(change) {
		return nil
	}
	viewsToo := hides(change)
	return func(r openfiles.File) bool {
		switch r := r.(type) {
		case *viewHandle:
			return viewsToo && r.Folder() == change.Dir
		case *watchedGeneration:
			return r.hides(change.New)
		}
		h, ok := r.(*handle)
		if !ok || h.Folder() != change.Dir {
			return false
		}
		_, name := h.file.where()
		s, ok := change.New.Secret(name)
		return ok && s.Denied()
	}
}

// concerns reports whether the news is about dir.
func concerns(change secret.Change, dir secret.Dir) bool {
	return change.Dir == dir || change.Deep && change.Dir.Contains(dir)
}

// deniesSome reports whether a secret whose value may not be read may be news.
func deniesSome(change secret.Change) bool {
	for s := range concerned(change) {
		if s.Denied() {
			return true
		}
	}
	return false
}

// outdated is what the kernel has to forget about one directory. It holds names
// and no snapshots, because it may have to wait.
type outdated struct {
	dir     secret.Dir
	deep    bool         // everything below as well
	all     bool         // every name that the kernel knows, not only those that follow
	denied  bool         // and what it has in memory of their contents
	entries []string     // names that appeared, went or mean something else
	folders []string     // folders that appeared: the kernel may know them before we do
	content []string     // names that have a new content or new attributes
	file    *file        // that content is about, whatever has its name by now; nil: whatever has the name
	events  []emit.Event // what watchers are to be told of it
}

// reveal is tell for names that came to be or went without the kernel's doing.
func (f *FS) reveal(dir secret.Dir, names ...string) {
	out := outdated{dir: dir}
	for _, name := range names {
		out.entries = append(out.entries, filename.Encode(name))
	}
	f.queue(out)
}

// queue has the kernel forget, in the background.
func (f *FS) queue(out outdated) {
	if f.known.Load() {
		f.news.add(out, f.invalidate)
	}
}

// outdated works out what change means below the mount's root.
func (f *FS) outdated(change secret.Change) (outdated, bool) {
	out := outdated{dir: change.Dir, deep: change.Deep}
	if !f.cfg.Root.Contains(change.Dir) {
		if !concerns(change, f.cfg.Root) {
			return out, false
		}
		out.dir = f.cfg.Root
	}
	if change.Err != nil || change.Deep || change.Old == nil || change.New == nil {
		out.all, out.denied = true, change.Err != nil
		return out, true
	}
	list := diff(change.Old, change.New, change.Names)
	out.sort(list)
	out.events = f.eventsFor(change.Old, change.New, list)
	return out, true
}

// sort puts what differs in a folder where it belongs.
func (out *outdated) sort(list []difference) {
	for _, d := range list {
		switch {
		case d.before == (filename.Entry{}) && d.after.Folder != nil:
			out.folders = append(out.folders, d.shown)
		case d.before == (filename.Entry{}), d.after == (filename.Entry{}), !sameThing(d.before, d.after):
			out.entries = append(out.entries, d.shown)
		default:
			out.content = append(out.content, d.shown)
		}
	}
}

// sameThing reports whether two entries of one file name are one inode: equal
// kinds are, because a file name stands for one name.
func sameThing(a, b filename.Entry) bool { return (a.Folder == nil) == (b.Folder == nil) }

func sameContent(a, b filename.Entry) bool {
	if a.Folder != nil {
		return a.Folder.Updated.Equal(b.Folder.Updated)
	}
	return pagecache.SameContent(a.Secret, b.Secret)
}

// invalidate makes the kernel forget. It may take as long as a lookup does.
func (f *FS) invalidate(out outdated) {
	at := f.inode(out.dir)
	if at == nil {
		return // the kernel does not know the directory
	}
	if out.all {
		forgetBelow(at, out.deep, out.denied)
		f.forgetAbsences(out)
	} else {
		publish(at, out.content)
		f.forgetViews(at)
		for _, name := range out.entries {
			at.NotifyEntry(name) // known or not: its absence may be what is outdated
		}
		for _, name := range out.folders {
			forgetName(at, name)
		}
	}
	if d, ok := at.Operations().(*dir); ok {
		if d.links() && !out.denied {
			d.swap(context.Background())
		}
		d.emit(out.events)
	}
	for _, name := range out.content {
		child := at.GetChild(name)
		if child != nil && !child.IsDir() && (out.file == nil || child.Operations() == out.file) {
			at.NotifyEntry(name) // so that the kernel lets go of it, see [pagecache.File]
		}
	}
}

// forgetName makes the kernel ask again for a name that may have been absent. If
// it is a directory by now, its dentry stays: somebody may be in it.
func forgetName(at *fusefs.Inode, name string) {
	if child := at.GetChild(name); child != nil && child.IsDir() {
		forgetAttr(child)
	} else {
		at.NotifyEntry(name)
	}
}

// forgetBelow invalidates all names that the kernel knows in a directory. The
// names of directories stay, without their attributes, because dropping one
// would cut off those who have it as their working directory; what they ask
// next is answered by the Source. Pages stay, unless they may not be shown any
// longer: nothing says yet that they are of an old version. Those come first: a
// name has to wait for the lookups that are under way in its directory.
func forgetBelow(at *fusefs.Inode, deep, denied bool) {
	forget := forgetAttr
	if denied {
		forget = forgetContent
	}
	below(at, deep, func(_ *fusefs.Inode, _ string, child *fusefs.Inode) { forget(child) })
	below(at, deep, func(parent *fusefs.Inode, name string, child *fusefs.Inode) {
		if !child.IsDir() {
			parent.NotifyEntry(name)
		}
	})
}

// below calls do for all that the kernel knows in a directory.
func below(at *fusefs.Inode, deep bool, do func(parent *fusefs.Inode, name string, child *fusefs.Inode)) {
	for name, child := range at.Children() {
		do(at, name, child)
		if deep && child.IsDir() {
			below(child, deep, do)
		}
	}
}

// inode returns the node of dir if the kernel knows it.
func (f *FS) inode(dir secret.Dir) *fusefs.Inode {
	if dir == f.cfg.Root {
		return f.root.EmbeddedInode()
	}
	above := f.inode(dir.Parent())
	if above == nil {
		return nil
	}
	return above.GetChild(filename.Encode(dir.Name()))
}
