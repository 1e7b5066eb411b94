package fs

import (
	"context"
	"path"
	"strconv"
	"time"

	"infisicalfs/fs/internal/controldir"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/unsent"
	"infisicalfs/fs/internal/writeback"
	"infisicalfs/secret"
)

// control returns what .infisicalfs has to know, for [New].
func (f *FS) control() *controldir.Config {
	cfg := &controldir.Config{
		Status:  f.cfg.Status,
		NoOpens: f.full(),

		OwnerUID: f.cfg.OwnerUID,
		OwnerGID: f.cfg.OwnerGID,
		Date:     f.cfg.MountTime,

		ID:     inode.Control,
		Failed: f.failed,
	}
	if f.cfg.Refresh != nil {
		cfg.Refresh = f.Refresh
	}
	if f.cfg.Writer != nil {
		cfg.Rejected = f.rejected
	}
	return cfg
}

// Refresh is what a write to .infisicalfs/refresh does: what the server refused is
// forgotten, and Config.Refresh called. The kernel has forgotten as well when it
// returns, unless lookups are in the way for long.
func (f *FS) Refresh() error {
	f.denials.Forget()
	err := f.cfg.Refresh()
	f.notices.Wait(refreshWaits)
	return err
}

// refreshWaits bounds what a refresh waits for. Longer lookups end when the server
// answers, and what they tell the kernel is new.
const refreshWaits = time.Second

// newRejected returns the store of .infisicalfs/rejected: its files are called
// NAME.N.
func newRejected() *unsent.Store {
	return unsent.New(func(key string, n uint64) string { return filename.EncodeWith(key, "."+strconv.FormatUint(n, 10)) })
}

// keep puts an old value into rejected/: what was removed or replaced, or a part
// of a text. The oldest of them goes for it.
//
// Why is in the words of the file system: a server's may hold the value.
func (f *FS) keep(ctx context.Context, dir secret.Dir, name string, value secret.Value, why string) {
	f.keepText(unsent.Text{Dir: dir, Key: name, Value: value, UID: f.userOf(ctx), Why: why})
}

// keepUnsent puts a text into rejected/ that exists nowhere else. It stays until
// somebody removes it, until the server has it, or until the mount ends.
func (f *FS) keepUnsent(ctx context.Context, dir secret.Dir, name string, value secret.Value, why string) {
	f.keepText(unsent.Text{Dir: dir, Key: name, Value: value, UID: f.userOf(ctx), Why: why, Only: true})
}

// keepRefused is keepUnsent for what was sent and failed with err.
func (f *FS) keepRefused(ctx context.Context, dir secret.Dir, name string, value secret.Value, err error) {
	why, asked := writeback.WhyKept(err)
	f.keepText(unsent.Text{Dir: dir, Key: name, Value: value, UID: f.userOf(ctx), Why: why, Asked: asked, Only: true})
}

// keepText keeps a text, says so in the log and returns its name in rejected/. An
// empty one is not worth it.
func (f *FS) keepText(t unsent.Text) (name string) {
	if t.Value.Len() == 0 {
		return ""
	}
	t.At = time.Now()
	kept, dropped := f.rejected.Keep(t)
	as := controldir.Kept(kept.Name)
	if f.cfg.NoControl {
		as = kept.Name // for "infisicalfs rejected"
	}
	about := []any{"why", t.Why, "path", path.Join(t.Dir.String(), filename.Encode(t.Key)), "as", as, "dropped", dropped}
	if t.Asked != "" {
		about = append(about, "approval_request", t.Asked)
	}
	f.log.Warn("kept a text", about...)
	return kept.Name
}
