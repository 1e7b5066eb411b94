package fs

import (
	"cmp"
	"context"
	"path"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/unsent"
	"infisicalfs/fs/internal/writeback"
	"infisicalfs/secret"
)

// The kinds of [UnsentText].
const (
	UnsentRefused   = "refused"   // the server did not take it; its writer was told, or was not there any more
	UnsentOpen      = "open"      // of a file that is open and was written since it was last sent
	UnsentWaiting   = "waiting"   // of a file of which it is not decided yet whether it is a secret
	UnsentEmergency = "emergency" // what an editor saved when its terminal went away, or keeps in its swap file
	UnsentOld       = "old"       // an old value or a part of a text, and nothing that would be missed
)

// UnsentText describes a text that the server does not have. All of it may be
// shown; the text is not in it.
type UnsentText struct {
	Name string    `json:"name,omitempty"` // in .infisicalfs/rejected; empty: it is not there
	Path string    `json:"path"`           // what it was written to, from the top of all projects
	Kind string    `json:"kind"`
	Size int       `json:"size"` // in bytes
	UID  uint32    `json:"uid"`  // of who wrote it
	At   time.Time `json:"at"`   // when it was written, or kept
	Why  string    `json:"why"`

	// ApprovalRequest is the id of the request for an approval that the server has
	// made of it; empty: none, or it did not say.
	ApprovalRequest string `json:"approval_request,omitempty"`
}

// Unsent returns what would be lost if the file system ended now, sorted by
// path. Old values are not in it. It asks nobody.
func (f *FS) Unsent() []UnsentText {
	if f.cfg.Writer == nil {
		return nil
	}
	list := f.unsentOverlay()
	for _, t := range f.rejected.List() {
		if t.Only {
			list = append(list, describe(t))
		}
	}
	for _, h := range f.writers.All() {
		if t, ok := h.describe(); ok {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b UnsentText) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), a.At.Compare(b.At), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// Rejected returns what is in .infisicalfs/rejected, the oldest first.
func (f *FS) Rejected() []UnsentText {
	var list []UnsentText
	for _, t := range f.rejected.List() {
		list = append(list, describe(t))
	}
	return list
}

// RejectedText returns a text of .infisicalfs/rejected.
func (f *FS) RejectedText(name string) (secret.Value, UnsentText, bool) {
	t := f.rejected.Find(name)
	if t == nil {
		return secret.Value{}, UnsentText{}, false
	}
	return t.Value, describe(t), true
}

// RemoveRejected removes a text of .infisicalfs/rejected and reports whether
// there was one.
func (f *FS) RemoveRejected(name string) bool { return f.rejected.Remove(name) }

func describe(t *unsent.Text) UnsentText {
	kind := UnsentOld
	if t.Only {
		kind = UnsentRefused
	}
	return UnsentText{
		Name: t.Name, Path: path.Join(t.Dir.String(), filename.Encode(t.Key)), Kind: kind,
		Size: t.Value.Len(), UID: t.UID, At: t.At, Why: t.Why,
		ApprovalRequest: t.Asked,
	}
}

// describe describes what the handle has unsent, if anything.
func (h *writeHandle) describe() (t UnsentText, ok bool) {
	p, ok := h.buffer.Pending()
	if !ok {
		return t, false
	}
	return UnsentText{
		Path: h.file.path(), Kind: UnsentOpen, Size: p.Size, At: p.At, UID: h.caller.Uid, Why: "it is open and was not sent yet",
	}, true
}

// What [FS.SendUnsent] waits for.
const (
	textIsWhole  = time.Second // since its last change, if nobody has closed a descriptor
	sendingPause = time.Second // between attempts, at most
	sendsAtATime = 8
)

// SendUnsent sends what waits: texts of files that are still open, and files of
// which it was not decided whether they are secrets. It tries again while the
// server is away, until ctx ends, and returns what [FS.Unsent] then says. What
// was refused before is not tried: somebody was told that it is not there.
//
// A text that is being written is not sent in the middle: it is waited for until
// a descriptor of the file is closed, or a second has passed without a change.
func (f *FS) SendUnsent(ctx context.Context) []UnsentText {
	if f.cfg.Writer == nil {
		return nil
	}
	ours := map[*writeHandle]bool{}
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, sendingPause) {
		more := f.sendHandles(ctx, ours) // before what they write to gets another name
		more = f.sendOverlay(ctx) || more
		timer := time.NewTimer(pause)
		if !more {
			timer.Stop()
			return f.Unsent()
		}
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return f.Unsent()
		}
	}
}

// sendHandles sends once what open files have unsent, and reports whether it is
// worth trying again. Handles whose text was taken on are noted in ours: nobody
// but us has heard of their failures.
func (f *FS) sendHandles(ctx context.Context, ours map[*writeHandle]bool) (more bool) {
	var mu sync.Mutex // guards more and ours
	var all errgroup.Group
	all.SetLimit(sendsAtATime)
	for _, h := range f.writers.All() {
		mu.Lock()
		whole, due := h.toBeSent()
		if due && !whole {
			more = true
		}
		mine := ours[h] || due && whole
		mu.Unlock()
		if !mine {
			continue
		}
		all.Go(func() error {
			err := h.send(ctx, writeback.AtFsync)
			mu.Lock()
			defer mu.Unlock()
			ours[h] = err != nil
			more = more || err != nil && mayWorkLater(err)
			return nil
		})
	}
	_ = all.Wait()
	return more
}

// toBeSent reports whether the handle has a text that was not sent, and whether
// it seems to be whole.
func (h *writeHandle) toBeSent() (whole, due bool) {
	p, due := h.buffer.Pending()
	return p.Closed || time.Since(p.At) >= textIsWhole, due
}
