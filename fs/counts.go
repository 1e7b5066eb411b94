package fs

import (
	"infisicalfs/fs/internal/openfiles"
)

// Counts are numbers since the start, except Open.
type Counts struct {
	Opens  uint64            `json:"opens"`  // secrets opened
	Reads  uint64            `json:"reads"`  // READ messages for secrets
	Open   int               `json:"open"`   // files and directories open now
	Errors map[string]uint64 `json:"errors"` // failed operations, by name of the errno; absent names are not failures
	Writes *WriteCounts      `json:"writes,omitempty"`
	Notify *NotifyCounts     `json:"notify,omitempty"`

	LastViewError string `json:"last_view_error,omitempty"` // which view could not be rendered, and why
}

// openNow counts the files and directories that are open.
func (f *FS) openNow() (n int) {
	f.opened.Each(func(open openfiles.File) bool {
		if _, ok := open.(*watchedGeneration); !ok {
			n++
		}
		return true
	})
	return n
}

// Counts returns what happened so far.
func (f *FS) Counts() Counts {
	c := Counts{
		Opens:  f.opens.Load(),
		Reads:  f.reads.Load(),
		Open:   f.openNow(),
		Errors: f.failures.Counts(),
		Writes: f.writeCounts(),
		Notify: f.emitter.Counts(),
	}
	if reason := f.viewError.Load(); reason != nil {
		c.LastViewError = *reason
	}
	return c
}

// WriteCounts are about writing: numbers since the start, except those of what
// is here now.
type WriteCounts struct {
	Sent           uint64       `json:"sent"`             // changes that the server has taken
	LostUpdates    uint64       `json:"lost_updates"`     // changes by others that came in between and were overwritten
	FailedReleases uint64       `json:"failed_releases"`  // values that could not be sent when nobody was there to be told
	Killed         uint64       `json:"killed"`           // texts not sent because their writer was killed
	ScratchFiles   int          `json:"scratch_files"`    // temporary files of programs, now
	ScratchBytes   int          `json:"scratch_bytes"`    // in them, now
	ScratchDropped uint64       `json:"scratch_dropped"`  // of them, because there were too many
	DoubtfulFiles  int          `json:"doubtful_files"`   // that may be temporary and may be secrets, now
	DoubtfulBytes  int          `json:"doubtful_bytes"`   // in them, now
	Whiteouts      int          `json:"whiteouts"`        // secrets that were renamed to the name of a backup a moment ago
	Rejected       int          `json:"rejected"`         // texts in .infisicalfs/rejected, now: some that exist nowhere else,
	OldValues      int          `json:"old_values"`       // and these, which may go
	OldValueBytes  int          `json:"old_value_bytes"`  // now
	UnsentBytes    int          `json:"unsent_bytes"`     // of what is in Unsent
	Unsent         []UnsentText `json:"unsent,omitempty"` // what would be lost if the mount ended now
	LastRefusal    string       `json:"last_refusal,omitempty"`
	Approvals      []Approval   `json:"approvals,omitempty"` // what waits for one, the oldest first
}

// writeCounts returns nil on a read-only file system.
func (f *FS) writeCounts() *WriteCounts {
	if f.cfg.Writer == nil {
		return nil
	}
	here := f.overlay.Counts()
	c := &WriteCounts{
		Sent:           f.writes.sent.Load(),
		LostUpdates:    f.writes.lost.Load(),
		FailedReleases: f.writes.failedReleases.Load(),
		Killed:         f.writes.killed.Load(),
		ScratchFiles:   here.Temporary.Files + here.Collected.Files,
		ScratchBytes:   here.Temporary.Bytes + here.Collected.Bytes,
		ScratchDropped: here.Evicted,
		DoubtfulFiles:  here.Doubtful.Files,
		DoubtfulBytes:  here.Doubtful.Bytes,
		Whiteouts:      here.Whiteouts,
		Rejected:       len(f.rejected.List()),
		Unsent:         f.Unsent(),
		Approvals:      f.waiting(),
	}
	for _, t := range f.Rejected() {
		if t.Kind == UnsentOld {
			c.OldValues++
			c.OldValueBytes += t.Size
		}
	}
	for _, t := range c.Unsent {
		c.UnsentBytes += t.Size
	}
	if reason := f.lastRefusal.Load(); reason != nil {
		c.LastRefusal = *reason
	}
	return c
}
