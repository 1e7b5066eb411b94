package overlay

import (
	"syscall"
	"time"

	"infisicalfs/fs/internal/textedit"
)

// Bounds of what scratch files may hold. Each class has its own: a program that
// leaves temporaries behind takes no room from files that are going to be
// secrets, and three hundred files of such names out of a tar take none from
// editors. Only of temporaries the eldest goes for another.
const (
	MaxFile           = 4 << 20 // bytes; a swap file is larger than what is edited
	MaxTemporaryBytes = 16 << 20
	MaxTemporary      = 256
	MaxDoubtful       = 4096
	MaxDoubtfulBytes  = 16 << 20
	MaxCollected      = 4096
)

// Room is what one class takes.
type Room struct {
	Files int // that have a name
	Bytes int // of files with and without a name
}

// reserve makes room for n bytes of a file's content. For a temporary file the
// eldest closed ones go; what may be the only copy of something does not.
func (o *Overlay) reserve(f *File, n int) syscall.Errno {
	o.mu.Lock()
	defer o.mu.Unlock()
	limit := MaxTemporaryBytes
	if f.class == Doubtful {
		limit = MaxDoubtfulBytes
	}
	room := &o.rooms[f.class]
	for n > f.size && room.Bytes+n-f.size > limit {
		if n > MaxFile || f.class != Temporary || !o.evict(f) {
			return syscall.ENOSPC
		}
	}
	if n > MaxFile && n > f.size {
		return syscall.ENOSPC
	}
	room.Bytes += n - f.size
	f.size = n
	return 0
}

// HasRoomForDoubtful reports whether another file may be doubtful. Beyond the
// bounds it is a secret like any other, and sent when it is closed.
func (o *Overlay) HasRoomForDoubtful() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	room := o.rooms[Doubtful]
	return room.Files < MaxDoubtful && room.Bytes < MaxDoubtfulBytes-textedit.Max
}

// evict ends the eldest closed temporary file, but for one. It reports whether
// there was any. [Overlay.mu] is held.
func (o *Overlay) evict(spared *File) bool {
	var eldest *File
	for _, part := range o.folders {
		for _, f := range part.files {
			if f.class == Temporary && f.open == 0 && f != spared && !f.precious() && (eldest == nil || f.order < eldest.order) {
				eldest = f
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
// [Overlay.mu] is held.
func (f *File) precious() bool {
	return f.holds.pending() || (f.onlyCopy || f.spared) && f.size > 0
}

// reclaim frees the content of a file that nobody can reach any more.
// [Overlay.mu] is held, so the content itself is wiped a moment later.
func (o *Overlay) reclaim(f *File) {
	if f.linked || f.open > 0 {
		return
	}
	o.rooms[f.class].Bytes -= f.size
	f.size = 0
	go f.wipe()
}

// reclass puts a file into another class. [Overlay.mu] is held.
func (o *Overlay) reclass(f *File, to Class) {
	if f.class == to {
		return
	}
	if f.linked {
		o.rooms[f.class].Files--
		o.rooms[to].Files++
	}
	o.rooms[f.class].Bytes -= f.size
	o.rooms[to].Bytes += f.size
	f.class = to
	f.notify()
}

// notify wakes whoever follows the file. [Overlay.mu] is held.
func (f *File) notify() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// noteFilled says that somebody has written to the file, or its maker has.
func (o *Overlay) noteFilled(f *File, at time.Time, byMaker bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f.filled.IsZero() {
		f.filled = at
	}
	f.made = f.made || byMaker
}

// stamp says that the file was closed, or got a name. [Overlay.mu] is held.
func (o *Overlay) stamp(f *File) {
	o.clock++
	f.order, f.closed = o.clock, time.Now()
}
