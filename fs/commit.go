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

// tell lets the kernel forget attributes and content of a secret before it
// returns: a stat after the change shall see it. The kernel may be waiting for
// us meanwhile, but not with anything that this message needs: it takes locks of
// pages, whose READs are answered without asking anybody, and none of names.
func (f *FS) tell(dir secret.Dir, name string) {
	at := f.inode(dir)
	if !f.known.Load() || at == nil {
		return
	}
	names := []string{filename.Encode(name), filename.Beside(name)}
	for _, shown := range names {
		if child := at.GetChild(shown); child != nil {
			if n, ok := child.Operations().(*file); ok {
				n.pages.SetNewest(nil)
			}
		}
	}
	publish(at, names)
	f.forgetViews(at)
}

// Touched has the kernel ask again how large the files of a folder are: one of them
// may refer to what was just changed here. A stat after the change shall see it; as
// with tell, nothing that a caller of the kernel's waits for is waited for.
func (f *FS) Touched(dir secret.Dir) {
	at := f.inode(dir)
	if !f.known.Load() || at == nil {
		return
	}
	children := at.Children()
	if len(children) > touchedAtOnce {
		return // the news of the change, which comes behind, says it too
	}
	for _, child := range children {
		if !child.IsDir() {
			forgetAttr(child)
		}
	}
}

// touchedAtOnce bounds the messages that a change of one secret may wait for.
const touchedAtOnce = 1000
