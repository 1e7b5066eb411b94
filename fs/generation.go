package fs

import (
	"context"
	"runtime"
	"syscall"
	"weak"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/fs/internal/generation"
	"infisicalfs/fs/internal/inode"
	"infisicalfs/secret"
)

// With [Config.Links] a folder has generations: see package generation. Here is what
// a directory has to do with them; the inodes are in link.go, generation_dir.go and
// generation_file.go, and what becomes of a change is in generation_swap.go.

// links reports whether the directory shows links into a generation.
func (d *dir) links() bool { return d.fs.cfg.Links && d.where().IsFolder() }

// history returns the directory's generations, with what an earlier process knew of them.
func (d *dir) history() *generation.History {
	d.recalled.Do(func() {
		if r, ok := d.fs.inheritedGenerations.Take(d.StableAttr()); ok {
			d.generations.Recall(r)
		}
	})
	return &d.generations
}

// eachFolder calls do for each folder that the kernel has been told of, if folders show
// links.
func (f *FS) eachFolder(do func(*dir)) {
	if !f.cfg.Links {
		return
	}
	var walk func(at *fusefs.Inode)
	walk = func(at *fusefs.Inode) {
		if d, ok := operations(at).(*dir); ok && d.links() {
			do(d)
		}
		for _, child := range at.Children() {
			walk(child)
		}
	}
	walk(f.root.EmbeddedInode())
}

// generation returns the directory's current generation, of which the next process can
// know before the kernel does.
func (d *dir) generation(ctx context.Context) (*generation.Generation, error) {
	h := d.history()
	g, err := h.Current(ctx, generationSource{d, d.where()})
	if err == nil && d.fs.cfg.Note != nil {
		h.Note(func(r generation.Record) { noteGeneration(FolderGeneration{d.StableAttr(), r}, d.fs.cfg.Note) })
	}
	return g, err
}

// generationSource is what the generations of a directory are made of.
type generationSource struct {
	dir  *dir
	here secret.Dir
}

func (s generationSource) List(ctx context.Context) (*secret.Folder, error) {
	return s.dir.fs.list(ctx, s.here)
}

func (s generationSource) Proof(ctx context.Context) (*secret.Folder, error) {
	return s.dir.fs.proof(ctx, s.here)
}

func (s generationSource) Watch(g *generation.Generation, load func() error) error {
	opened := &s.dir.fs.opened
	r := &watchedGeneration{s.here, weak.Make(s.dir), weak.Make(g)}
	if err := opened.Open(r, load); err != nil {
		return err
	}
	runtime.AddCleanup(g, func(r *watchedGeneration) { opened.Close(r) }, r)
	return nil
}

// watchedGeneration has a generation revoked for as long as anybody uses it. It
// keeps neither the generation nor its directory.
type watchedGeneration struct {
	here       secret.Dir
	dir        weak.Pointer[dir]
	generation weak.Pointer[generation.Generation]
}

func (r *watchedGeneration) Folder() secret.Dir { return r.here }

func (r *watchedGeneration) Revoke() {
	if g := r.generation.Value(); g != nil {
		g.Revoke()
	}
}

// hides reports whether the generation shows a secret that snap hides.
func (r *watchedGeneration) hides(snap *secret.Folder) bool {
	g := r.generation.Value()
	return g != nil && r.here == snap.Dir && g.Betrays(snap)
}

// forget makes the kernel forget what it has of the generation's files.
func (r *watchedGeneration) forget() {
	g, d := r.generation.Value(), r.dir.Value()
	if g == nil || d == nil {
		return
	}
	if at := d.GetChild(g.Name); at != nil {
		for _, child := range at.Children() {
			child.NotifyContent(0, 0)
		}
	}
}

// linkID and generationID identify what is in a directory under a name that is
// no secret's.
func (d *dir) linkID(shown string) fusefs.StableAttr {
	return inode.Child(d.StableAttr(), syscall.S_IFLNK, shown)
}

func (d *dir) generationID(name string) fusefs.StableAttr {
	id := d.StableAttr()
	return inode.Generation(id, name)
}
