package fs

import (
	"context"
	"slices"
	"sync"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

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
			f.dropLocalIf(func(dir secret.Dir) bool { return concerns(change, dir) })
		}
		f.log.Warn("access revoked", "path", change.Dir.String(), "below", change.Deep, "open", n, "error", change.Err)
	}
	if !f.known.Load() {
		return
	}
	if out, ok := f.outdated(change); ok {
		f.news.add(out, f.invalidate)
	}
}

// revoke takes their content from open files, and what the kernel has of it.
// That is told to the kernel here and now: the message takes locks of pages only,
// and their READs are answered without asking anybody.
func (f *FS) revoke(lost func(revocable) bool) int {
	gone := f.opened.revoke(lost)
	for _, r := range gone {
		switch r := r.(type) {
		case *handle:
			if r.cached {
				r.file.forget()
			}
		case *listing:
			r.dir.pages.outdate()
			r.dir.forgetListing()
		case *watchedGeneration:
			r.forget()
		}
	}
	return len(gone)
}

// revokes says which open files change takes the content from, nil if none: all
// that it denies, and secrets whose value is hidden from now on.
func revokes(change secret.Change) func(revocable) bool {
	if change.Err != nil {
		return func(r revocable) bool { return concerns(change, r.folder()) }
	}
	if change.New == nil || !slices.ContainsFunc(change.New.Secrets, func(s secret.Secret) bool { return s.Hidden }) {
		return nil
	}
	return func(r revocable) bool {
		if g, ok := r.(*watchedGeneration); ok {
			return g.hides(change.New)
		}
		h, ok := r.(*handle)
		if !ok || h.folder() != change.Dir {
			return false
		}
		_, name := h.file.where()
		s, ok := change.New.Secret(name)
		return ok && s.Hidden
	}
}

// outdated is what the kernel has to forget about one directory. It holds names
// and no snapshots, because it may have to wait.
type outdated struct {
	dir     secret.Dir
	deep    bool     // everything below as well
	all     bool     // every name that the kernel knows, not only those that follow
	denied  bool     // and what it has in memory of their contents
	entries []string // names that appeared, went or mean something else
	content []string // names that have a new content or new attributes
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
	out.entries, out.content = differences(change.Old, change.New)
	return out, true
}

// differences compares two snapshots of a folder by what they show.
func differences(before, after *secret.Folder) (entries, content []string) {
	old := make(map[string]entry, len(before.Folders)+len(before.Secrets))
	for name, e := range shown(before) {
		old[name] = e
	}
	for name, e := range shown(after) {
		was, ok := old[name]
		delete(old, name)
		switch {
		case !ok || !sameThing(was, e):
			entries = append(entries, name)
		case !sameContent(was, e):
			content = append(content, name)
		}
	}
	for name := range old {
		entries = append(entries, name)
	}
	return entries, content
}

// shown ranges over what a snapshot shows, by file name.
func shown(snap *secret.Folder) func(yield func(string, entry) bool) {
	return func(yield func(string, entry) bool) {
		for i := range snap.Folders {
			if !yield(EncodeName(snap.Folders[i].Name), entry{folder: &snap.Folders[i]}) {
				return
			}
		}
		for i := range snap.Secrets {
			if !yield(shownSecret(snap, snap.Secrets[i].Name), entry{secret: &snap.Secrets[i]}) {
				return
			}
		}
	}
}

// sameThing reports whether two entries of one file name are one inode: equal
// kinds are, because a file name stands for one name.
func sameThing(a, b entry) bool { return (a.folder == nil) == (b.folder == nil) }

func sameContent(a, b entry) bool {
	if a.folder != nil {
		return a.folder.Updated.Equal(b.folder.Updated)
	}
	return a.secret.Hidden == b.secret.Hidden && a.secret.Value.Equal(b.secret.Value) &&
		a.secret.Updated.Equal(b.secret.Updated) && slices.Equal(a.secret.Metadata, b.secret.Metadata)
}

// invalidate makes the kernel forget. It may take as long as a lookup does.
func (f *FS) invalidate(out outdated) {
	at := f.inode(out.dir)
	if at == nil {
		return // the kernel does not know the directory
	}
	if d, ok := at.Operations().(*dir); ok && d.links() && !out.denied {
		defer d.swap(context.Background())
	}
	if out.all {
		forgetBelow(at, out.deep, out.denied)
		return
	}
	var files []*fusefs.Inode
	for _, name := range out.content {
		if child := at.GetChild(name); child != nil {
			files = append(files, child)
		}
	}
	publish(files)
	for _, name := range out.entries {
		at.NotifyEntry(name) // known or not: its absence may be what is outdated
	}
}

// forgetBelow invalidates all names that the kernel knows in a directory. The
// names of directories stay, without their attributes, because dropping one
// would cut off those who have it as their working directory; what they ask
// next is answered by the Source. Pages stay, unless they may not be shown any
// longer: nothing says yet that they are of an old version.
func forgetBelow(at *fusefs.Inode, deep, denied bool) {
	for name, child := range at.Children() {
		if denied {
			forgetContent(child)
		} else {
			forgetAttr(child)
		}
		if !child.IsDir() {
			at.NotifyEntry(name)
		} else if deep {
			forgetBelow(child, deep, denied)
		}
	}
}

// publish shows new versions, after a moment for those who read the old ones.
func publish(nodes []*fusefs.Inode) {
	deadline := time.Now().Add(changeWaits)
	for _, n := range nodes {
		if file, ok := n.Operations().(*file); ok {
			file.pages.wait(deadline)
		}
		forgetContent(n)
	}
}

// forgetContent invalidates attributes, and the pages of a file.
func forgetContent(n *fusefs.Inode) {
	if file, ok := n.Operations().(*file); ok {
		file.forget()
	} else {
		forgetAttr(n)
	}
}

// forgetAttr invalidates attributes.
func forgetAttr(n *fusefs.Inode) {
	ask := func() { n.NotifyContent(-1, 0) }
	if file, ok := n.Operations().(*file); ok {
		file.pages.asking(ask)
	} else {
		ask()
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
	return above.GetChild(EncodeName(dir.Name()))
}

// news is a queue for each directory, with a worker that lives as long as there
// is work. One that waits for a change which is under way in its directory holds
// up no other.
type news struct {
	mu      sync.Mutex // guards what follows
	waiting map[secret.Dir][]outdated
	idle    chan struct{} // closed when the last worker ends; nil without one
}

func (q *news) add(out outdated, do func(outdated)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.idle == nil {
		q.idle = make(chan struct{})
		q.waiting = make(map[secret.Dir][]outdated)
	}
	list, working := q.waiting[out.dir]
	q.waiting[out.dir] = append(list, out)
	if !working {
		go func() {
			for out, ok := q.take(out.dir); ok; out, ok = q.take(out.dir) {
				do(out)
			}
		}()
	}
}

// take returns what is next for dir. Without any it ends the worker.
func (q *news) take(dir secret.Dir) (outdated, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.waiting[dir]
	if len(list) > 0 {
		q.waiting[dir] = list[1:]
		return list[0], true
	}
	delete(q.waiting, dir)
	if len(q.waiting) == 0 {
		close(q.idle)
		q.idle = nil
	}
	return outdated{}, false
}
