package fs

import (
	"context"
	"maps"
	"slices"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/fs/internal/generation"
	"infisicalfs/secret"
)

// swap tells the kernel, and who watches, that ..data leads elsewhere. If there
// can be no generation now, it is tried again later.
func (d *dir) swap(ctx context.Context) {
	h := d.history()
	first := h.Latest() == nil && h.Inherited() == ""
	if _, err := d.generation(ctx); err != nil {
		if errno := d.fs.failed("swap", d.where().String(), err); errno != syscall.EACCES && errno != syscall.ENOENT {
			h.Later(func() { d.fs.queue(outdated{dir: d.where()}) })
		}
		return
	}
	before, now := h.Tell()
	if now == nil || before == now && !first {
		return
	}
	d.NotifyEntry(generation.Data)
	d.emit(d.swapEvent(now.Name))
	d.NotifyEntry(generation.Data) // what was moved there goes, or it would be in the way of the next
	if before != now {
		d.gone(ctx, before)
	}
}

// gone tells who watches files of a generation that is no longer current: they hear what they
// would hear of a volume of Kubernetes, that their file is different (ATTRIB) and is deleted,
// or where no events can be made only the latter; and look again. Nothing is unlinked by a
// system call: who looks a name up at that moment would leave the kernel with its absence.
func (d *dir) gone(ctx context.Context, g *generation.Generation) {
	at := d.GetChild(g.Name)
	if at == nil { // only the kernel may know it, from an earlier process
		at = d.NewInode(ctx, d.newGenerationDir(g), d.generationID(g.Name))
	}
	files := at.Children()
	d.emit(d.endEvent(g, secretsAmong(files)))
	if n, ok := operations(at).(*generationDir); ok {
		for _, shown := range d.fs.cfg.InheritedIn(at.StableAttr().Ino) {
			if files[shown] == nil {
				files[shown] = n.inherited(ctx, shown)
			}
		}
	}
	for shown, child := range files {
		at.NotifyDelete(shown, child)
	}
	d.NotifyEntry(g.Name)
}

// secretsAmong returns the names of those of a generation's files that are secrets; the others are
// links to views, which go on.
func secretsAmong(files map[string]*fusefs.Inode) []string {
	secrets := maps.Clone(files)
	maps.DeleteFunc(secrets, func(_ string, child *fusefs.Inode) bool { return child.Mode() == syscall.S_IFLNK })
	return slices.Sorted(maps.Keys(secrets))
}

// CatchUp has watchers told of what has changed in folders that show links since an earlier
// process last looked. It asks the Source for each that the kernel knows, in the background.
func (f *FS) CatchUp() {
	var list []secret.Dir
	f.eachFolder(func(d *dir) {
		if d.history().Untold() {
			list = append(list, d.where())
		}
	})
	for _, dir := range list {
		f.queue(outdated{dir: dir})
	}
}
