package overlay

import (
	"maps"
	"slices"
	"strings"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/secret"
)

// Link gives a new file its first file name, in the place of any other scratch
// file. It reports false if there is no room for another file.
func (o *Overlay) Link(f *File, dir secret.Dir, name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if old := o.find(dir, name); old != nil {
		o.unlink(old)
	}
	for f.class == Temporary && o.rooms[Temporary].Files >= MaxTemporary {
		if !o.evict(f) {
			o.reclaim(f)
			return false
		}
	}
	if f.class == Collected && o.rooms[Collected].Files >= MaxCollected {
		o.reclaim(f)
		return false
	}
	o.link(f, dir, name)
	o.rooms[f.class].Files++
	return true
}

// link puts the file under a name that is free. [Overlay.mu] is held.
func (o *Overlay) link(f *File, dir secret.Dir, name string) {
	o.part(dir).files[name] = f
	f.at, f.linked = Name{dir, name}, true
	o.stamp(f)
}

// find returns the scratch file of that name, or nil. [Overlay.mu] is held.
func (o *Overlay) find(dir secret.Dir, name string) *File {
	if part := o.folders[dir]; part != nil {
		return part.files[name]
	}
	return nil
}

// Find returns the scratch file of that file name, or nil.
func (o *Overlay) Find(dir secret.Dir, name string) *File {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.find(dir, name)
}

// Unlink takes the file name away. It reports whether there was such a file.
func (o *Overlay) Unlink(dir secret.Dir, name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.find(dir, name)
	if f != nil {
		o.unlink(f)
	}
	return f != nil
}

// unlink takes the file's name away, and its content if nobody has it open.
// [Overlay.mu] is held.
func (o *Overlay) unlink(f *File) {
	part := o.folders[f.at.Dir]
	delete(part.files, f.at.Name)
	o.tidy(f.at.Dir)
	o.rooms[f.class].Files--
	f.linked = false
	f.notify()
	o.reclaim(f)
}

// Move gives a file another file name, in the place of any other, and a class:
// whoever renamed it has chosen the name. Nothing happens to one that has lost its
// name.
func (o *Overlay) Move(f *File, to Class, dir secret.Dir, name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !f.linked {
		return
	}
	if old := o.find(dir, name); old != nil && old != f {
		if to == Temporary { // it is for what the other was for
			f.spared, f.onlyCopy = f.spared || old.spared, f.onlyCopy || old.onlyCopy
		}
		o.unlink(old)
	}
	delete(o.folders[f.at.Dir].files, f.at.Name)
	o.tidy(f.at.Dir)
	o.link(f, dir, name)
	o.reclass(f, to)
}

// Where returns under which file name the file is found, or was last.
func (o *Overlay) Where(f *File) Name {
	o.mu.Lock()
	defer o.mu.Unlock()
	return f.at
}

func (o *Overlay) isLinked(f *File) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return f.linked
}

// Entry is a scratch file in a listing.
type Entry struct {
	Name string // file name
	ID   fusefs.StableAttr
}

// Shown is what the overlay makes of a folder's listing.
type Shown struct {
	Files   []Entry         // besides what the server has, see [Overlay.Listed]
	Covered map[string]bool // secrets that are away, by the server's names
}

// Shown returns what the overlay makes of the listing of dir.
func (o *Overlay) Shown(dir secret.Dir) Shown { return Shown{o.Listed(dir), o.Covered(dir)} }

// Listed returns what a listing of dir shows besides what the server has, by
// name: files that may become secrets, and secrets under the names to which they
// were renamed. The temporary files of programs are found by name only, because
// loaders read all that is listed.
func (o *Overlay) Listed(dir secret.Dir) (list []Entry) {
	o.look(dir, func(part *folder) {
		for _, name := range slices.Sorted(maps.Keys(part.files)) {
			if f := part.files[name]; f.class == Doubtful || f.holds.pending() && !strings.HasPrefix(name, ".") {
				list = append(list, Entry{name, f.id})
			}
		}
	})
	return list
}
