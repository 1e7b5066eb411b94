package fs

import (
	"context"
	"errors"
	"path"
	"time"

	"infisicalfs/fs/internal/diff"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/xattr"
	"infisicalfs/secret"
)

// Approval is a change of a secret that waits for an approval on the server, as far
// as is known: whether it was approved shows when the secret changes.
type Approval struct {
	Path    string    `json:"path"`              // of the secret, from the top of all projects
	Change  string    `json:"change"`            // create, update, annotate, rename, move or delete
	Request string    `json:"request,omitempty"` // the id of the request; empty: the server did not say
	Slug    string    `json:"slug,omitempty"`    // what the server's web page calls it
	At      time.Time `json:"at"`
}

// waiting returns all that waits, the oldest first.
func (f *FS) waiting() (list []Approval) {
	for _, r := range f.approvals.List() {
		list = append(list, Approval{path.Join(r.Dir.String(), filename.Encode(r.Name)), r.Change, r.ID, r.Slug, r.At})
	}
	return list
}

// waiting returns the attribute that says which request was made of the last change
// of the file, if one was.
func (n *file) waiting() xattr.List {
	r, ok := n.fs.approvals.Of(n.where())
	if !ok {
		return nil
	}
	return xattr.OfApproval(r.ID)
}

// approvedPerhaps forgets what was known to wait of secrets that have changed.
func (f *FS) approvedPerhaps(dir secret.Dir, changed []diff.Difference) {
	for _, d := range changed {
		for _, s := range []*secret.Secret{d.Before.Secret, d.After.Secret} {
			if s != nil {
				f.approvals.Changed(dir, s.Name)
			}
		}
	}
}

// keepHalfMoved keeps the text of a secret whose move waits for an approval, if only
// its arrival does: then the server has removed it, and has it nowhere.
func (f *FS) keepHalfMoved(ctx context.Context, stored *secret.Secret, dir secret.Dir, name string, err error) {
	if !errors.Is(err, secret.ErrApproval) {
		return
	}
	if _, err := f.cfg.Writer.Stored(ctx, dir, name); errors.Is(err, secret.ErrNotFound) {
		f.keepUnsent(ctx, dir, name, stored.Value, "it was removed here and waits for an approval where it was moved to")
	}
}
