package fs

import (
	"context"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/fs/internal/diff"
	"infisicalfs/fs/internal/emit"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/secret"
)

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
	views   bool         // the directory's views show something else
}

// outdated works out what change, which has changed what list says, means below the
// mount's root.
func (f *FS) outdated(change secret.Change, list []diff.Difference) (outdated, bool) {
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
	out.sort(list)
	out.events = f.eventsFor(change, list)
	out.views = emit.ChangeViews(change.New, list, change.Gone)
	return out, true
}

// sort puts what differs in a folder where it belongs.
func (out *outdated) sort(list []diff.Difference) {
	for _, d := range list {
		switch {
		case d.Appeared() && d.After.Folder != nil:
			out.folders = append(out.folders, d.Shown)
		case d.Appeared(), d.Vanished(), d.Replaced():
			out.entries = append(out.entries, d.Shown)
		default:
			out.content = append(out.content, d.Shown)
		}
	}
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
		f.notices.Add(out.dir, out)
	}
}

// invalidate makes the kernel forget. It may take as long as a lookup does.
func (f *FS) invalidate(_ secret.Dir, out outdated) {
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
		if out.views {
			d.emitViews()
		}
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
// longer: nothing says yet that they are of an old version. So do the names in a
// generation, which never change: who watches a file there hears by its name that the
// generation is over. Pages come first: a name has to wait for the lookups that are under way in its directory.
func forgetBelow(at *fusefs.Inode, deep, denied bool) {
	forget := forgetAttr
	if denied {
		forget = forgetContent
	}
	below(at, deep, func(_ *fusefs.Inode, _ string, child *fusefs.Inode) { forget(child) })
	below(at, deep, func(parent *fusefs.Inode, name string, child *fusefs.Inode) {
		if _, never := operations(parent).(*generationDir); !child.IsDir() && (denied || !never) {
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

// publish shows new versions of what the kernel knows in a directory, after a
// moment for those who read the old ones.
func publish(at *fusefs.Inode, names []string) {
	for _, name := range names {
		n := at.GetChild(name)
		if n == nil {
			continue
		}
		if file, ok := n.Operations().(*file); ok {
			file.pages.Publish(func() { n.NotifyContent(0, 0) }, func() { n.NotifyContent(-1, 0) })
		} else {
			forgetAttr(n)
		}
	}
}

// forgetContent invalidates attributes, and the pages of a secret or a view.
func forgetContent(n *fusefs.Inode) {
	switch shown := n.Operations().(type) {
	case *file:
		shown.forget()
	case *viewFile:
		n.NotifyContent(0, 0)
	default:
		forgetAttr(n)
	}
}
