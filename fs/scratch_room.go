package fs

import (
	"syscall"
	"time"

	"infisicalfs/fs/internal/textedit"
)

// Bounds of what scratch files may hold. Each class has its own: a program that
// leaves temporaries behind takes no room from files that are going to be
// secrets, and three hundred files of such names out of a tar take none from
// editors. Only of faces the eldest goes for another.
const (
	maxScratchFile   = 4 << 20 // bytes; a swap file is larger than what is edited
	maxScratchTotal  = 16 << 20
	maxFaces         = 256
	maxDoubtful      = 4096
	maxDoubtfulTotal = 16 << 20
	maxCollected     = 4096
)

// room is what one class takes.
type room struct {
	files int // that have a name
	bytes int // of files with and without a name
}

// reserve makes room for n bytes of a file's content. For a face the eldest
// closed faces go; what may be the only copy of something does not.
func (o *overlay) reserve(sc *scratchFile, n int) syscall.Errno {
	o.mu.Lock()
	defer o.mu.Unlock()
	limit := maxScratchTotal
	if sc.class == doubtful {
		limit = maxDoubtfulTotal
	}
	room := &o.rooms[sc.class]
	for n > sc.size && room.bytes+n-sc.size > limit {
		if n > maxScratchFile || sc.class != face || !o.evict(sc) {
			return syscall.ENOSPC
		}
	}
	if n > maxScratchFile && n > sc.size {
		return syscall.ENOSPC
	}
	room.bytes += n - sc.size
	sc.size = n
	return 0
}

// hasRoomForDoubtful reports whether another file may be doubtful. Beyond the
// bounds it is a secret like any other, and sent when it is closed.
func (o *overlay) hasRoomForDoubtful() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	room := o.rooms[doubtful]
	return room.files < maxDoubtful && room.bytes < maxDoubtfulTotal-textedit.Max
}

// evict ends the eldest closed face, but for one. It reports whether there was
// any. [overlay.mu] is held.
func (o *overlay) evict(spared *scratchFile) bool {
	var eldest *scratchFile
	for _, part := range o.folders {
		for _, sc := range part.scratch {
			if sc.class == face && sc.open == 0 && sc != spared && !sc.precious() && (eldest == nil || sc.order < eldest.order) {
				eldest = sc
			}
		}
	}
	if eldest == nil {
		return false
	}
	o.evicted++
	o.unlink(eldest)
	return true
}

// precious reports whether the file may be the only copy of something.
// [overlay.mu] is held.
func (sc *scratchFile) precious() bool {
	return sc.holds.pending() || (sc.draft || sc.spared) && sc.size > 0
}

// unlink takes the file's name away, and its content if nobody has it open.
// [overlay.mu] is held.
func (o *overlay) unlink(sc *scratchFile) {
	part := o.folders[sc.at.dir]
	delete(part.scratch, sc.at.name)
	o.tidy(sc.at.dir)
	o.rooms[sc.class].files--
	sc.linked = false
	sc.notify()
	o.reclaim(sc)
}

// reclaim frees the content of a file that nobody can reach any more.
// [overlay.mu] is held, so the content itself is wiped a moment later.
func (o *overlay) reclaim(sc *scratchFile) {
	if sc.linked || sc.open > 0 {
		return
	}
	o.rooms[sc.class].bytes -= sc.size
	sc.size = 0
	go sc.wipe()
}

// reclass puts a file into another class. [overlay.mu] is held.
func (o *overlay) reclass(sc *scratchFile, to class) {
	if sc.class == to {
		return
	}
	if sc.linked {
		o.rooms[sc.class].files--
		o.rooms[to].files++
	}
	o.rooms[sc.class].bytes -= sc.size
	o.rooms[to].bytes += sc.size
	sc.class = to
	sc.notify()
}

// notify wakes whoever follows the file. [overlay.mu] is held.
func (sc *scratchFile) notify() {
	select {
	case sc.changed <- struct{}{}:
	default:
	}
}

// stamp says that the file was closed, or got a name. [overlay.mu] is held.
func (o *overlay) stamp(sc *scratchFile) {
	o.clock++
	sc.order, sc.closed = o.clock, time.Now()
}
