package fs

import (
	"maps"
	"slices"
	"strings"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/secret"
)

// nameScratch gives a new file its first name, in the place of any other
// scratch file. It reports false if there is no room for another file.
func (o *overlay) nameScratch(sc *scratchFile, dir secret.Dir, name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if old := o.find(dir, name); old != nil {
		o.unlink(old)
	}
	for sc.class == face && o.rooms[face].files >= maxFaces {
		if !o.evict(sc) {
			o.reclaim(sc)
			return false
		}
	}
	if sc.class == collected && o.rooms[collected].files >= maxCollected {
		o.reclaim(sc)
		return false
	}
	o.link(sc, dir, name)
	o.rooms[sc.class].files++
	return true
}

// link puts the file under a name that is free. [overlay.mu] is held.
func (o *overlay) link(sc *scratchFile, dir secret.Dir, name string) {
	o.part(dir).scratch[name] = sc
	sc.at, sc.linked = named{dir, name}, true
	o.stamp(sc)
}

// find returns the scratch file of that name, or nil. [overlay.mu] is held.
func (o *overlay) find(dir secret.Dir, name string) *scratchFile {
	if part := o.folders[dir]; part != nil {
		return part.scratch[name]
	}
	return nil
}

// scratch returns the scratch file of that name, or nil.
func (o *overlay) scratch(dir secret.Dir, name string) *scratchFile {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.find(dir, name)
}

// unlinkScratch takes the name away. It reports whether there was such a file.
func (o *overlay) unlinkScratch(dir secret.Dir, name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	sc := o.find(dir, name)
	if sc != nil {
		o.unlink(sc)
	}
	return sc != nil
}

// moveScratch gives a scratch file another name, in the place of any other, and
// a class: whoever renamed it has chosen the name.
func (o *overlay) moveScratch(sc *scratchFile, to class, dir secret.Dir, name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !sc.linked {
		return
	}
	if old := o.find(dir, name); old != nil && old != sc {
		if to == face { // it is for what the other was for
			sc.spared, sc.draft = sc.spared || old.spared, sc.draft || old.draft
		}
		o.unlink(old)
	}
	delete(o.folders[sc.at.dir].scratch, sc.at.name)
	o.tidy(sc.at.dir)
	o.link(sc, dir, name)
	o.reclass(sc, to)
}

// enter counts a new handle. It reports false, with what to wait for, while the
// file is on its way to the server.
func (o *overlay) enter(sc *scratchFile) (ok bool, wait <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if sc.sending != nil {
		return false, sc.sending
	}
	sc.open++
	sc.notify()
	return true, nil
}

// hold is enter for who is about to send the file himself: it does not go for
// others meanwhile. It reports false if the file has lost its name.
func (o *overlay) hold(sc *scratchFile) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if sc.linked {
		sc.open++
	}
	return sc.linked
}

// leave is the opposite of enter and hold.
func (o *overlay) leave(sc *scratchFile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if sc.open--; sc.open == 0 {
		o.stamp(sc)
		sc.notify()
		o.reclaim(sc)
	}
}

// startSending keeps everybody from opening the file until stopSending. It
// reports false if somebody has it open, or if it has lost its name.
func (o *overlay) startSending(sc *scratchFile) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !sc.linked || sc.open > 0 || sc.sending != nil {
		return false
	}
	sc.sending = make(chan struct{})
	return true
}

func (o *overlay) stopSending(sc *scratchFile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(sc.sending)
	sc.sending = nil
}

// spare ends all doubt about a file that its maker has left empty: it stays here.
func (o *overlay) spare(sc *scratchFile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reclass(sc, face)
	sc.spared = true
}

// setDoubtful is the opposite: what was in it before does not count.
func (o *overlay) setDoubtful(sc *scratchFile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reclass(sc, doubtful)
	sc.holds, sc.made, sc.filled, sc.broken = nil, false, time.Time{}, false
}

// leftBehind reports whether the file is an old version of a secret that a
// program has put aside and left here.
func (o *overlay) leftBehind(sc *scratchFile) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return sc.class == face && sc.holds != nil && sc.holds.ended
}

func (o *overlay) isLinked(sc *scratchFile) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return sc.linked
}

// noteFilled says that somebody has written to the file, or its maker has.
func (o *overlay) noteFilled(sc *scratchFile, at time.Time, byMaker bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if sc.filled.IsZero() {
		sc.filled = at
	}
	sc.made = sc.made || byMaker
}

// noteKilled says that somebody was killed who had the file open.
func (o *overlay) noteKilled(sc *scratchFile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	sc.broken = sc.size > 0
}

// where returns under which file name the file is found, or was last.
func (o *overlay) where(sc *scratchFile) named {
	o.mu.Lock()
	defer o.mu.Unlock()
	return sc.at
}

// isDoubtful reports whether the file may become a secret by itself.
func (o *overlay) isDoubtful(sc *scratchFile) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return sc.class == doubtful
}

// staysHere reports whether the file has nothing to do with the server: no
// change waits for its fate.
func (o *overlay) staysHere(sc *scratchFile) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return sc.class != doubtful && !sc.holds.pending()
}

// shownScratch is a scratch file in a listing.
type shownScratch struct {
	name string
	id   fusefs.StableAttr
}

// shownHere is what the overlay makes of a folder's listing.
type shownHere struct {
	files   []shownScratch
	covered map[string]bool // secrets that are away, by their names
}

func (o *overlay) shown(dir secret.Dir) shownHere {
	return shownHere{o.listed(dir), o.whiteouts(dir)}
}

// listed returns what a listing of dir shows besides what the server has, by
// name: files that may become secrets, and secrets under the names to which they
// were renamed. The temporary files of programs are found by name only, because
// loaders read all that is listed.
func (o *overlay) listed(dir secret.Dir) (list []shownScratch) {
	o.look(dir, func(part *overlayFolder) {
		for _, name := range slices.Sorted(maps.Keys(part.scratch)) {
			if sc := part.scratch[name]; sc.class == doubtful || sc.holds.pending() && !strings.HasPrefix(name, ".") {
				list = append(list, shownScratch{name, sc.id})
			}
		}
	})
	return list
}
