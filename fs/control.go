package fs

import (
	"time"

	"infisicalfs/fs/internal/controldir"
	"infisicalfs/fs/internal/inode"
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
	f.news.wait(refreshWaits)
	return err
}

// refreshWaits bounds what a refresh waits for. Longer lookups end when the server
// answers, and what they tell the kernel is new.
const refreshWaits = time.Second
