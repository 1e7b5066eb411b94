package fs

import (
	"strings"
	"sync"

	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/writeback"
	"infisicalfs/secret"
)

// drafts are the handles that are open for writing, by the secret that they are
// for. The zero value is empty and ready.
type drafts struct {
	mu    sync.Mutex // guards names and all in it; handles are asked without it
	names map[overlay.Name]map[*writeHandle]bool
}

// add says that h is open for that secret.
func (d *drafts) add(h *writeHandle, dir secret.Dir, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := overlay.Name{Dir: dir, Name: name}
	if d.names == nil {
		d.names = make(map[overlay.Name]map[*writeHandle]bool)
	}
	if d.names[at] == nil {
		d.names[at] = make(map[*writeHandle]bool)
	}
	d.names[at][h] = true
}

// drop is the opposite, wherever renames have taken it.
func (d *drafts) drop(h *writeHandle) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for at, handles := range d.names {
		delete(handles, h)
		if len(handles) == 0 {
			delete(d.names, at)
		}
	}
}

// of returns who is open for that secret.
func (d *drafts) of(dir secret.Dir, name string) (list []*writeHandle) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for h := range d.names[overlay.Name{Dir: dir, Name: name}] {
		list = append(list, h)
	}
	return list
}

// beingWritten reports whether somebody has the secret open for writing.
func (d *drafts) beingWritten(dir secret.Dir, name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.names[overlay.Name{Dir: dir, Name: name}]) > 0
}

// beingCreated reports whether somebody has created the secret and not sent it
// yet. It exists for those who name it, with nothing in it.
func (d *drafts) beingCreated(dir secret.Dir, name string) bool {
	for _, h := range d.of(dir, name) {
		if h.buffer.Creating() {
			return true
		}
	}
	return false
}

// create reports whether something in dir is being created.
func (d *drafts) create(dir secret.Dir) bool {
	for _, name := range d.namesIn(dir) {
		if d.beingCreated(dir, name) {
			return true
		}
	}
	return false
}

// namesIn returns the names of secrets of dir that are open for writing.
func (d *drafts) namesIn(dir secret.Dir) (names []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for at := range d.names {
		if at.Dir == dir {
			names = append(names, at.Name)
		}
	}
	return names
}

// replace says that the secret from is called name in dir from now on: whoever
// writes to it goes along, and whoever wrote to the one it replaces has a file
// without a name.
func (d *drafts) replace(fromDir secret.Dir, from string, dir secret.Dir, name string) {
	d.discard(dir, name)
	d.mu.Lock()
	defer d.mu.Unlock()
	old := overlay.Name{Dir: fromDir, Name: from}
	if along := d.names[old]; len(along) > 0 {
		delete(d.names, old)
		d.names[overlay.Name{Dir: dir, Name: name}] = along
	}
}

// discard takes the name from whoever is open for it: what they write goes
// nowhere, as with any file that is removed. It reports whether one of them was
// to create the secret.
func (d *drafts) discard(dir secret.Dir, name string) (created bool) {
	for _, h := range d.of(dir, name) {
		created = h.buffer.Creating() || created
		h.buffer.End(writeback.ErrNoName)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.names, overlay.Name{Dir: dir, Name: name})
	return created
}

// writeAnew reports whether somebody has the secret of a whiteout open who is
// writing it anew.
func (d *drafts) writeAnew(w *overlay.Whiteout, dir secret.Dir) bool {
	for _, h := range d.of(dir, w.Name) {
		if h.under == w {
			return true
		}
	}
	return false
}

// moveFolder takes everything in and below a renamed folder along.
func (d *drafts) moveFolder(from, to secret.Dir) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for at, handles := range d.names {
		if from.Contains(at.Dir) {
			delete(d.names, at)
			at.Dir.Path = to.Path + strings.TrimPrefix(at.Dir.Path, from.Path)
			d.names[at] = handles
		}
	}
}
