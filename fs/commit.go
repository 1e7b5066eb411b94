package fs

import (
	"context"
	"path"

	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/secret"
)

// commit gives a secret another value and returns it as the server has it then. The
// caller has its turn in the folder's queue.
func (f *FS) commit(ctx context.Context, c commit.Change) (secret.Secret, error) {
	out, err := f.committer.Commit(ctx, c)
	if err == nil {
		f.committed(c.Dir, c.Name, out)
	}
	return out.Secret, err
}

// create is commit for a secret that must not exist yet.
func (f *FS) create(ctx context.Context, c commit.Change) (secret.Secret, error) {
	out, err := f.committer.Create(ctx, c)
	if err == nil {
		f.committed(c.Dir, c.Name, out)
	}
	return out.Secret, err
}

// committed applies what a commit has changed.
func (f *FS) committed(dir secret.Dir, name string, out commit.Outcome) {
	if out.What == commit.Nothing {
		return
	}
	f.overlay.Uncover(dir, name)
	if out.What != commit.Sent {
		return
	}
	f.writes.sent.Add(1)
	if out.Lost > 0 {
		f.writes.lost.Add(uint64(out.Lost))
		f.log.Warn("changes by somebody else were overwritten: they came between looking and writing",
			"path", path.Join(dir.String(), filename.Encode(name)), "seen", out.Seen, "written", out.Secret.Version)
	}
	f.tell(dir, name)
}
