package fs

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/controldir"
	"infisicalfs/fs/internal/emit"
	"infisicalfs/fs/internal/inode"
)

// Who watches a view hears of a change of what it shows, as if somebody had written the
// file. Who watches the directory does not: a view is not listed, and a program that
// mirrors a directory copies what it hears of. But the kernel tells the directory in which a
// file was found of all that is done to the file. So for our thread alone views are found
// in a second directory as well, which has a name that nobody can guess, and which nobody watches.
// Views that are listed are told of in their own.

// aside is the second directory of all views that watchers are being told of.
type aside struct {
	dir   *dir
	name  string   // in the root
	views sync.Map // string → asideView, what it has now
	made  sync.Once
}

func (f *FS) newAside() *aside {
	a := &aside{dir: &dir{node: node{fs: f}}, name: controldir.Name + "-" + rand.Text()}
	a.dir.at.Store(&location{f.root, a.name})
	return a
}

// way leads there from the root.
func (a *aside) way() emit.Way[*dir] {
	return emit.Way[*dir]{{Dir: a.dir.at.Load().parent}, {Name: a.name, Dir: a.dir}}
}

// asideName is how a view of the directory with that inode number is called aside.
func asideName(dir uint64, shown string) string { return fmt.Sprintf("%016x.%s", dir, shown) }

// ListedAs returns the directory of a view and its name there, for what is looked up under
// that name in the directory of that number. It is the same, unless that is where views have a second name.
func ListedAs(parent uint64, name string) (dir uint64, shown string) {
	if parent != AsideNode() {
		return parent, name
	}
	if _, err := fmt.Sscanf(name, "%16x.", &dir); err != nil {
		return parent, name
	}
	_, shown, _ = strings.Cut(name, ".")
	return dir, shown
}

// AsideNode is the number of the directory in which views have a second name.
func AsideNode() uint64 { return inode.Aside().Ino }

// asideView is a view.
type asideView interface {
	fusefs.InodeEmbedder
	lastAttr(*fuse.Attr)                // as the kernel was told last
	keepTold() (whetherBelieved func()) // what the kernel was told last
}

// show has a view found under its second name while do runs.
func (a *aside) show(name string, view asideView, do func()) {
	root := a.dir.fs.root
	a.made.Do(func() { root.NewPersistentInode(context.Background(), a.dir, inode.Aside()) })
	a.views.Store(name, view)
	do()
	a.views.Delete(name)
	a.dir.NotifyEntry(name)
}

// find returns the view that has that name now, nil if none has.
func (a *aside) find(name string) asideView {
	if found, ok := a.views.Load(name); ok {
		return found.(asideView)
	}
	return nil
}

// viewIn returns the view that has a name in a directory, which may be where views have a second
// one; nil if none has.
func (a *aside) viewIn(d *dir, name string) asideView {
	if d == a.dir {
		return a.find(name)
	}
	v, _ := operations(d.GetChild(name)).(asideView)
	return v
}

// keepViewOut is KeepCacheOut of [emit.Tree]: with the answers to our calls the kernel learns a size
// that may be an old one, if it is told of another meanwhile.
func keepViewOut(v asideView) (letIn func()) {
	done := v.keepTold()
	return func() {
		done()
		forgetAttr(v.EmbeddedInode())
	}
}

// tellNothing describes a view that watchers are told of: the kernel is told nothing new of it.
func tellNothing(v asideView, out *fuse.EntryOut) *fusefs.Inode {
	if v == nil {
		return nil
	}
	v.lastAttr(&out.Attr)
	out.SetEntryTimeout(1)
	return v.EmbeddedInode()
}
