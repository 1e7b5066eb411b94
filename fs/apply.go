package fs

import (
	"infisicalfs/fs/internal/diff"
	"infisicalfs/fs/internal/filename"
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
	if lost := revokes(change, list); lost != nil {
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
	if out, ok := f.outdated(change, list); ok {
		if !out.all {
			f.announce(out.dir, list)
		}
		f.queue(out)
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
