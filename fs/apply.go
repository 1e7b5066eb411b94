package fs

import (
	"context"
	"path"
	"syscall"

	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/diff"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/openfiles"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/secret"
)

// Apply is told by the Source of a change. If that says that something may no longer
// be shown, whatever is open there reads EACCES when Apply returns. The kernel is
// told in the background what it has to forget: such a message waits for the
// lookups that are under way in a directory, and one of them may be waiting for
// whoever calls Apply. Watchers are told after it.
//
// A change is compared once; all that follows, follows of that.
func (f *FS) Apply(change secret.Change) {
	list := diff.Of(change)
	f.approvedPerhaps(change.Dir, list)
	if lost := revokes(change, list); lost != nil {
		n := f.revoke(lost)
		if change.Err != nil {
			f.dropOverlay(func(dir secret.Dir) bool { return concerns(change, dir) },
				func(sc *overlay.File, at overlay.Name) { f.keepFile(sc, at, "access to its folder was revoked") })
		}
		f.log.Warn("access revoked", "path", change.Dir.String(), "below", change.Deep, "open", n, "error", change.Err)
	}
	if len(list) > 0 {
		f.settle(change.Dir)
	}
	if !f.known.Load() {
		return
	}
	if out, ok := f.outdated(change, list); ok {
		if !out.all {
			f.announce(out.dir, list)
			if len(list) > 0 {
				f.tryViews(out.dir, change.New)
			}
		}
		f.queue(out)
	}
}

// settle has what is open in a folder keep its own versions and nothing else of the
// folder's last snapshot.
func (f *FS) settle(dir secret.Dir) {
	var here []*handle
	f.opened.Each(func(open openfiles.File) bool {
		if h, ok := open.(*handle); ok && h.Folder() == dir {
			here = append(here, h)
		}
		return true
	})
	for _, h := range here {
		h.settle()
	}
}

// announce tells files that they have a new version, which waits for readers of
// the old one only.
func (f *FS) announce(dir secret.Dir, list []diff.Difference) {
	at := f.inode(dir)
	if at == nil {
		return
	}
	for _, d := range list {
		if d.Appeared() || d.Replaced() || d.After.Secret == nil {
			continue
		}
		if n, ok := operations(at.GetChild(d.Shown)).(*file); ok {
			n.pages.SetNewest(d.After.Secret)
		}
	}
}

// tryViews tries the views that the kernel knows of a folder that has changed.
func (f *FS) tryViews(at secret.Dir, snap *secret.Folder) {
	d, ok := operations(f.inode(at)).(*dir)
	if !ok || snap == nil || snap.Partial || snap.Denied != nil {
		return
	}
	for name := range f.cfg.Views {
		if v := d.viewNode(name); v != nil {
			_, _ = v.try(snap)
		}
	}
}

// ownChange is a change of a secret that was made here: what a commit, a rename, a
// removal has done on the server.
type ownChange struct {
	at        overlay.Name   // the secret that is another version now, by the server's name; zero: none is
	got       *secret.Secret // that version; nil if it is not known
	value     bool           // it has another value: what covers its name (a whiteout) ends
	became    *overlay.File  // what it was until now: a file that was only here
	left      overlay.Name   // the name that it has left, or a secret that was deleted; zero: none was
	node      *movedNode     // that the kernel has renamed
	uncounted bool           // the server has had it so already, or it is part of another change
}

// movedNode is what the kernel has moved from one directory to another.
type movedNode struct {
	from, to *dir
	shown    string // in from
}

// applyOwn lets everything that is kept here follow a change that was made here: the
// overlay and who has the secret open for writing, the nodes, and the kernel. Watchers
// have heard the events of the system call; that it was ours is known to [FS.own] from
// the server's answer on. The caller has the turn of the folders.
func (f *FS) applyOwn(c ownChange) {
	none := overlay.Name{}
	if !c.uncounted {
		f.writes.sent.Add(1)
	}
	if c.value {
		f.overlay.Uncover(c.at.Dir, c.at.Name)
	}
	switch {
	case c.left == none:
	case c.at == none:
		f.drafts.discard(c.left.Dir, c.left.Name)
	default:
		f.drafts.replace(c.left.Dir, c.left.Name, c.at.Dir, c.at.Name)
	}
	if c.at != none {
		f.overlay.MadeAgain(c.at.Dir, c.at.Name)
	}
	if c.left != none { // what is written there next is not based on it
		f.overlay.Unlinked(c.left.Dir, c.left.Name)
		f.bases.Forget(c.left.Dir, c.left.Name)
	}
	if c.node != nil {
		c.node.from.relocate(c.node.shown, c.left.Name, c.node.to, c.at.Name)
	}
	if c.became != nil {
		f.turnInto(c.became, c.at.Dir, c.at.Name, c.got)
	}
	if c.at != none {
		f.tell(c.at.Dir, c.at.Name)
	}
}

// turnInto says that a file that was only here is the secret got from now on. The
// kernel knows it by name already, and it keeps its inode number.
func (f *FS) turnInto(file *overlay.File, in secret.Dir, name string, got *secret.Secret) {
	dataOf(file).stays.Store(true)
	if at := f.inode(in); at != nil { // else nobody knows the file either
		if d, ok := at.Operations().(*dir); ok {
			become(file, &location{d, name}, got)
			f.renames.Arrived(inode.Child(d.StableAttr(), syscall.S_IFREG, name), file.ID())
		}
	}
	at := f.overlay.Where(file)
	f.overlay.Unlink(at.Dir, at.Name)
}

// commit gives a secret another value and returns it as the server has it then. The
// caller has its turn in the folder's queue.
func (f *FS) commit(ctx context.Context, c commit.Change) (secret.Secret, error) {
	out, err := f.committer.Commit(ctx, c)
	if err == nil {
		f.committed(c.Dir, c.Name, out)
	}
	return out.Secret, err
}

// create is commit for a secret that must not exist yet.
func (f *FS) create(ctx context.Context, c commit.Change) (secret.Secret, error) {
	out, err := f.committer.Create(ctx, c)
	if err == nil {
		f.committed(c.Dir, c.Name, out)
	}
	return out.Secret, err
}

// committed applies what a commit has changed.
func (f *FS) committed(dir secret.Dir, name string, out commit.Outcome) {
	if out.What == commit.Nothing {
		return
	}
	if out.What == commit.Stands {
		f.overlay.Uncover(dir, name) // nothing has changed but that
		return
	}
	if out.Lost > 0 {
		f.writes.lost.Add(uint64(out.Lost))
		f.log.Warn("changes by somebody else were overwritten: they came between looking and writing",
			"path", path.Join(dir.String(), filename.Encode(name)), "seen", out.Seen, "written", out.Secret.Version)
	}
	f.applyOwn(ownChange{at: overlay.Name{Dir: dir, Name: name}, got: &out.Secret, value: true})
}

// ownFolderChange is a change of a folder that was made here.
type ownFolderChange struct {
	at   secret.Dir // the folder that is new; zero: none is
	left secret.Dir // the folder that is no longer there, because it was renamed or removed; zero: all are
	node *movedNode // that the kernel has renamed
}

// applyOwnFolder is applyOwn for folders.
func (f *FS) applyOwnFolder(c ownFolderChange) {
	none := secret.Dir{}
	f.writes.sent.Add(1)
	switch {
	case c.left == none:
	case c.at == none:
		f.dropOverlay(c.left.Contains, func(sc *overlay.File, at overlay.Name) { f.keepOldFile(sc, at, "its folder was removed") })
		f.overlay.RemovedFolder(c.left)
		f.bases.ForgetFolder(c.left)
	default:
		// The name was free on the server: what is here of a folder that was called so is
		// of one that is gone.
		f.dropOverlay(c.at.Contains, func(sc *overlay.File, at overlay.Name) { f.keepFile(sc, at, "its folder was removed by somebody else") })
		f.overlay.MoveFolder(c.left, c.at)
		f.drafts.moveFolder(c.left, c.at)
		f.bases.MoveFolder(c.left, c.at)
	}
	if c.node != nil {
		c.node.from.relocate(c.node.shown, c.left.Name(), c.node.to, c.at.Name())
	}
}

// tell lets the kernel forget attributes and content of a secret before it
// returns: a stat after the change shall see it. The kernel may be waiting for
// us meanwhile, but not with anything that this message needs: it takes locks of
// pages, whose READs are answered without asking anybody, and none of names.
func (f *FS) tell(dir secret.Dir, name string) {
	at := f.inode(dir)
	if !f.known.Load() || at == nil {
		return
	}
	names := []string{filename.Encode(name), filename.Beside(name)}
	for _, shown := range names {
		if child := at.GetChild(shown); child != nil {
			if n, ok := child.Operations().(*file); ok {
				n.pages.SetNewest(nil)
			}
		}
	}
	publish(at, names)
	f.forgetViews(at)
}

// Touched has the kernel ask again how large the files of a folder are: one of them
// may refer to what was just changed here. A stat after the change shall see it; as
// with tell, nothing that a caller of the kernel's waits for is waited for.
func (f *FS) Touched(dir secret.Dir) {
	at := f.inode(dir)
	if !f.known.Load() || at == nil {
		return
	}
	children := at.Children()
	if len(children) > touchedAtOnce {
		return // the change is heard of too, later
	}
	for _, child := range children {
		if !child.IsDir() {
			forgetAttr(child)
		}
	}
}

// touchedAtOnce bounds the messages that a change of one secret may wait for.
const touchedAtOnce = 1000
