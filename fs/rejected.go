package fs

import (
	"context"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"infisicalfs/secret"
)

// Bounds of what is kept; the oldest goes first.
const (
	maxRejected      = 256
	maxRejectedBytes = 16 << 20
)

// rejected keeps texts that would be lost otherwise: those that were written
// and could not be sent, and values that were replaced or removed by a rename
// or rm. They are files in .infisicalfs/rejected, in memory, until the mount ends.
type rejected struct {
	mu    sync.Mutex // guards what follows
	texts []*rejectedText
	bytes int
	ever  uint64
}

const notWritten = "it could not be written"

// rejectedText is one text. It is never changed.
type rejectedText struct {
	name  string // NAME.N
	value secret.Value
	uid   uint32 // who wrote or removed it
	at    time.Time
}

// keep puts a text into rejected/ and says so in the log. An empty one is not
// worth it.
//
// Why is in the words of the file system: a server's may hold the value.
func (f *FS) keep(ctx context.Context, dir secret.Dir, name string, value secret.Value, why string) {
	if value.Len() == 0 {
		return
	}
	t := &rejectedText{value: value, uid: callerOf(ctx).Uid, at: time.Now()}
	dropped := f.rejected.add(t, name)
	f.log.Warn("kept a text", "why", why, "path", path.Join(dir.String(), EncodeName(name)),
		"as", path.Join(controlName, rejectedName, t.name), "dropped", dropped)
}

// add names t and keeps it, and returns how many old ones had to go.
func (r *rejected) add(t *rejectedText, name string) (dropped int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ever++
	t.name = encode(name, "."+strconv.FormatUint(r.ever, 10))
	r.texts = append(r.texts, t)
	r.bytes += t.value.Len()
	for len(r.texts) > maxRejected || r.bytes > maxRejectedBytes {
		r.bytes -= r.texts[0].value.Len()
		r.texts = slices.Delete(r.texts, 0, 1)
		dropped++
	}
	return dropped
}

func (r *rejected) list() []*rejectedText {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.texts)
}

func (r *rejected) find(name string) *rejectedText {
	for _, t := range r.list() {
		if t.name == name {
			return t
		}
	}
	return nil
}

func (r *rejected) remove(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, t := range r.texts {
		if t.name == name {
			r.texts = slices.Delete(r.texts, i, i+1)
			r.bytes -= t.value.Len()
			return true
		}
	}
	return false
}

func (r *rejected) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts, r.bytes = nil, 0
}
