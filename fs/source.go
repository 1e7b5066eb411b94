package fs

import (
	"context"
	"errors"
	"strings"
	"time"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/secret"
)

// killable returns a context for a change that the caller of ctx asked for, which
// ends as the kernel's killable waits do: for a signal that ends the caller, and for
// those that say so (see [caller.WantsOut]). The kernel reports an interruption for
// each signal that the caller handles, and only the first; losing a write to the end
// of some child would help nobody. Call stop.
func (f *FS) killable(ctx context.Context) (_ context.Context, stop context.CancelFunc) {
	killable, cancel := context.WithCancel(context.WithoutCancel(ctx))
	thread := threadOf(ctx)
	go func() {
		select {
		case <-killable.Done():
			return
		case <-ctx.Done():
		}
		look := time.NewTicker(100 * time.Millisecond)
		defer look.Stop()
		for !caller.WantsOut(thread) {
			select {
			case <-killable.Done():
				return
			case <-look.C:
			}
		}
		cancel()
	}()
	return killable, cancel
}

// folder asks the Source.
func (f *FS) folder(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
	return f.ask(ctx, func(ctx context.Context) (*secret.Folder, error) { return f.cfg.Source.Folder(ctx, dir, need) })
}

// ask waits for an answer. Who is interrupted by a signal that is no wish to stop
// goes on waiting: programs do not expect stat(2) to fail because a child ended.
func (f *FS) ask(ctx context.Context, ask func(context.Context) (*secret.Folder, error)) (*secret.Folder, error) {
	snap, err := ask(ctx)
	if ctx.Err() == nil || !errors.Is(err, context.Canceled) || caller.WantsOut(threadOf(ctx)) {
		return snap, err
	}
	ctx, stop := f.killable(ctx)
	defer stop()
	return ask(ctx)
}

// entry returns what dir has under a file name; not ok: nothing.
func (f *FS) entry(ctx context.Context, dir secret.Dir, shown string) (snap *secret.Folder, e filename.Entry, ok bool, err error) {
	name, _ := filename.Decode(shown)
	snap, ok, err = f.find(ctx, dir, name, func(snap *secret.Folder) (ok bool) {
		e, ok = filename.Resolve(snap, shown)
		return ok
	})
	return snap, e, ok, err
}

// find returns a snapshot of dir and whether it has what is looked for. That it
// has not is believed only of a snapshot that is the whole truth, at least about
// that name of the server's, if what is looked for has one.
func (f *FS) find(ctx context.Context, dir secret.Dir, name string, has func(*secret.Folder) bool) (*secret.Folder, bool, error) {
	need := secret.NeedFolder
	if name == "" || strings.HasPrefix(name, ".") { // hardly a folder on the way to something: a view, or what programs look for everywhere
		need = secret.NeedEntry
	}
	snap, err := f.folder(ctx, dir, need)
	if err == nil && snap.NoSecrets && !has(snap) {
		snap, err = f.folder(ctx, dir, secret.NeedEntry)
	}
	if errors.Is(err, secret.ErrDenied) {
		snap, err = f.below(ctx, dir, name, err)
	}
	if err != nil {
		return nil, false, err
	}
	if has(snap) {
		return snap, true, nil
	}
	prover, ok := f.cfg.Source.(secret.Prover)
	switch {
	case ok && name != "" && (snap.Denied != nil || snap.Partial || snap.NoSubfolders || snap.Stale):
		snap, err = f.ask(ctx, func(ctx context.Context) (*secret.Folder, error) { return prover.Prove(ctx, dir, name) })
	case snap.Denied != nil:
	case snap.Partial || snap.NoSubfolders || snap.Stale:
		snap, err = f.proof(ctx, dir)
	}
	if err != nil {
		return nil, false, err
	}
	if found := has(snap); found || snap.Denied == nil {
		return snap, found, nil
	}
	if ok || len(snap.Folders) > 0 {
		return nil, false, snap.Denied
	}
	// That no folders are listed may be for want of the right to list them.
	if snap, err = f.below(ctx, dir, name, snap.Denied); err != nil {
		return nil, false, err
	}
	if !has(snap) {
		return nil, false, snap.Denied
	}
	return snap, true, nil
}

// below returns a snapshot of dir, of which nothing may be known (refusal), that has the one
// folder of that name: what is in it may be granted all the same, and only the folder itself can
// tell. If it does not exist, it may be something else in dir, which is refused.
func (f *FS) below(ctx context.Context, dir secret.Dir, name string, refusal error) (*secret.Folder, error) {
	if !dir.IsFolder() || name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return nil, refusal
	}
	child, err := f.folder(ctx, dir.Child(name), secret.NeedEntry)
	switch {
	case errors.Is(err, secret.ErrNotFound), errors.Is(err, secret.ErrDenied):
		return nil, refusal
	case err != nil:
		return nil, err
	}
	return &secret.Folder{
		Dir: dir, Denied: refusal, Folders: []secret.Subfolder{{Name: name}},
		Fetched: child.Fetched, Answered: child.Answered, Stale: child.Stale,
	}, nil
}

// list returns a snapshot of dir to list. Where the secrets may not be listed,
// showing the folders alone would look like the whole; they can be entered by
// name, as with a directory that has x but not r.
//
// The snapshot may be Partial: for a walk through many folders it is the only
// affordable one, and what it lacks is found by name all the same.
func (f *FS) list(ctx context.Context, dir secret.Dir) (*secret.Folder, error) {
	snap, err := f.folder(ctx, dir, secret.NeedListing)
	switch {
	case err != nil:
		return nil, err
	case snap.Denied != nil:
		return nil, snap.Denied
	case snap.NoSubfolders:
		return f.proof(ctx, dir)
	}
	return snap, nil
}

// proof returns the whole truth about dir, or an error.
func (f *FS) proof(ctx context.Context, dir secret.Dir) (*secret.Folder, error) {
	snap, err := f.folder(ctx, dir, secret.NeedProof)
	if err == nil && (snap.Partial || snap.NoSubfolders) {
		return nil, secret.ErrInexact
	}
	return snap, err
}
