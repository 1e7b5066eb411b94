package fs

import (
	"infisicalfs/fs/internal/writeback"
	"infisicalfs/secret"
)

// addWriter says that h is open for that secret.
func (o *overlay) addWriter(h *writeHandle, dir secret.Dir, name string) {
	o.change(dir, func(part *overlayFolder) {
		if part.writers[name] == nil {
			part.writers[name] = make(map[*writeHandle]bool)
		}
		part.writers[name][h] = true
	})
}

// dropWriter is the opposite, wherever renames have taken it.
func (o *overlay) dropWriter(h *writeHandle) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for dir, part := range o.folders {
		for name, writers := range part.writers {
			delete(writers, h)
			if len(writers) == 0 {
				delete(part.writers, name)
			}
		}
		if part.empty() {
			delete(o.folders, dir)
		}
	}
}

// writers returns who is open for that secret.
func (o *overlay) writers(dir secret.Dir, name string) (list []*writeHandle) {
	o.look(dir, func(part *overlayFolder) {
		for h := range part.writers[name] {
			list = append(list, h)
		}
	})
	return list
}

func (o *overlay) beingWritten(dir secret.Dir, name string) (yes bool) {
	o.look(dir, func(part *overlayFolder) { yes = len(part.writers[name]) > 0 })
	return yes
}

// beingCreated reports whether somebody has created the secret and not sent it
// yet. It exists for those who name it, with nothing in it.
func (o *overlay) beingCreated(dir secret.Dir, name string) bool {
	for _, h := range o.writers(dir, name) {
		if h.buffer.Creating() {
			return true
		}
	}
	return false
}

// creates reports whether something in dir is being created.
func (o *overlay) creates(dir secret.Dir) bool {
	for _, name := range o.namesWritten(dir) {
		if o.beingCreated(dir, name) {
			return true
		}
	}
	return false
}

// replace says that the secret from is called name in dir from now on: whoever
// writes to it goes along, and whoever wrote to the one it replaces has a file
// without a name.
func (o *overlay) replace(fromDir secret.Dir, from string, dir secret.Dir, name string) {
	o.discard(dir, name)
	var along map[*writeHandle]bool
	o.change(fromDir, func(old *overlayFolder) {
		along = old.writers[from]
		delete(old.writers, from)
	})
	if len(along) > 0 {
		o.change(dir, func(part *overlayFolder) { part.writers[name] = along })
	}
}

// discard takes the name from whoever is open for it: what they write goes
// nowhere, as with any file that is removed. It reports whether one of them was
// to create the secret.
func (o *overlay) discard(dir secret.Dir, name string) (created bool) {
	for _, h := range o.writers(dir, name) {
		created = h.buffer.Creating() || created
		h.buffer.End(writeback.ErrNoName)
	}
	o.change(dir, func(part *overlayFolder) { delete(part.writers, name) })
	return created
}

// writtenUnder reports whether somebody has the secret of a whiteout open who is
// writing it anew.
func (o *overlay) writtenUnder(w *whiteout, dir secret.Dir) bool {
	for _, h := range o.writers(dir, w.name) {
		if h.under == w {
			return true
		}
	}
	return false
}

// namesWritten returns the names of secrets of dir that are open for writing.
func (o *overlay) namesWritten(dir secret.Dir) (names []string) {
	o.look(dir, func(part *overlayFolder) {
		for name := range part.writers {
			names = append(names, name)
		}
	})
	return names
}
