// Package lastlisting keeps how a directory was listed last, for who lists it again while
// nothing has changed: with many names the most of a listing is to work out their numbers.
//
//	entries, print, ok := memo.Find(snap, renames)
//	if !ok {
//		memo.Keep(snap, renames, made, fingerprint)
//	}
//
// A listing follows from the snapshot and from what was renamed here; who has more to list than
// that asks no Memo. It is kept for as long as the secrets of the snapshot are, which a
// snapshot of a later date may share, and keeps nothing of them itself but names.
package lastlisting

import (
	"runtime"
	"sync/atomic"
	"unsafe"
	"weak"

	"infisicalfs/secret"
)

// Memo is what is kept of one directory, of entries of type E. The zero Memo is ready, and safe
// for concurrent use. It is not to be copied.
type Memo[E any] struct{ last atomic.Pointer[made[E]] }

// made is a listing, and what it was made of.
type made[E any] struct {
	entries []E
	print   uint64

	secrets weak.Pointer[secret.Secret] // the first,
	folders weak.Pointer[secret.Subfolder]
	counts  [2]int // and how many
	renames uint64
}

func counts(snap *secret.Folder) [2]int { return [2]int{len(snap.Secrets), len(snap.Folders)} }

// Find returns the listing that was made of snap's content when so much had been renamed, and its
// fingerprint. Nobody may write into it.
func (m *Memo[E]) Find(snap *secret.Folder, renames uint64) (entries []E, print uint64, ok bool) {
	last := m.last.Load()
	if last == nil || last.renames != renames || last.counts != counts(snap) ||
		last.secrets.Value() != unsafe.SliceData(snap.Secrets) || last.folders.Value() != unsafe.SliceData(snap.Folders) {
		return nil, 0, false
	}
	return last.entries, last.print, true
}

// Keep keeps a listing in the place of the last. Renames is from before it was made. One without
// a secret is not worth it.
func (m *Memo[E]) Keep(snap *secret.Folder, renames uint64, entries []E, print uint64) {
	if len(snap.Secrets) == 0 {
		return
	}
	first := unsafe.SliceData(snap.Secrets)
	next := &made[E]{entries, print, weak.Make(first), weak.Make(unsafe.SliceData(snap.Folders)), counts(snap), renames}
	m.last.Store(next)
	runtime.AddCleanup(first, forget[E], gone[E]{weak.Make(m), weak.Make(next)})
}

// gone names a listing whose snapshot has gone. It keeps nothing in memory.
type gone[E any] struct {
	memo weak.Pointer[Memo[E]]
	made weak.Pointer[made[E]]
}

func forget[E any](g gone[E]) {
	if m, of := g.memo.Value(), g.made.Value(); m != nil && of != nil {
		m.last.CompareAndSwap(of, nil)
	}
}
