package layout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"infisicalfs/secret"
)

// flat knows which names the folders of a flat layout give to the one directory,
// and which ones they gave: somebody may still have those open. It has no values.
type flat struct {
	mu    sync.Mutex                     // guards names
	names map[secret.Dir]map[string]bool // whether they do now, as far as is known
}

// note notes what a folder gives.
func (f *flat) note(dir secret.Dir, shown []secret.Secret) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.names == nil {
		f.names = make(map[secret.Dir]map[string]bool)
	}
	names := f.names[dir]
	if names == nil {
		names = make(map[string]bool, len(shown))
		f.names[dir] = names
	}
	for name := range names {
		names[name] = false
	}
	for i := range shown {
		names[shown[i].Name] = true
	}
}

// atOnce is how many folders are asked for at a time.
const atOnce = 8

// all returns everything below the root as one folder. What fails for one folder
// fails for all, or an error would look like an absence; only what is denied
// leaves the rest to be found by name.
func (l *Layout) all(ctx context.Context, need secret.Need) (*secret.Folder, error) {
	if need == secret.NeedEntry || need == secret.NeedFolder {
		need = secret.NeedListing // every folder is wanted: a bulk request is the cheapest
	}
	w := &walk{layout: l, need: need}
	found, err := w.all(ctx)
	if err != nil {
		return nil, err
	}
	secrets := l.memo.of(found, func() []secret.Secret { return l.gather(found) })
	return join(found, secrets, w.deniedBelow()), nil
}

// walk is one look at all folders.
type walk struct {
	layout *Layout
	need   secret.Need
	name   string // what is looked for; empty: everything
	group  *errgroup.Group

	mu     sync.Mutex // guards what follows
	found  []*secret.Folder
	denied map[secret.Dir]error
}

// all returns the root, and then what is below it in order.
func (w *walk) all(ctx context.Context) ([]*secret.Folder, error) {
	root, err := w.get(ctx, w.layout.cfg.Root)
	if err != nil {
		return nil, err
	}
	w.group, ctx = errgroup.WithContext(ctx)
	w.group.SetLimit(atOnce)
	w.group.Go(func() error { return w.below(ctx, root) })
	if err := w.group.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(w.found, func(a, b *secret.Folder) int { return strings.Compare(a.Dir.Path, b.Dir.Path) })
	return append([]*secret.Folder{root}, w.found...), nil
}

// get asks for one folder and wants to know its subfolders.
func (w *walk) get(ctx context.Context, dir secret.Dir) (*secret.Folder, error) {
	snap, err := w.layout.below.Folder(ctx, dir, w.need)
	if err == nil && snap.NoSubfolders {
		snap, err = w.layout.below.Folder(ctx, dir, secret.NeedProof)
	}
	if err == nil && snap.NoSubfolders {
		return nil, secret.ErrInexact
	}
	if err == nil && snap.Denied != nil {
		w.deny(dir, snap.Denied)
	}
	return snap, err
}

// below looks at the folders in snap, beside this goroutine where there is room
// and else in it.
func (w *walk) below(ctx context.Context, snap *secret.Folder) error {
	for _, sub := range snap.Folders {
		dir := snap.Dir.Child(sub.Name)
		if !snap.Dir.Leads(sub.Name) || !w.layout.shows(dir) || !w.layout.mayGive(dir, w.name) && w.name != "" {
			continue
		}
		look := func() error { return w.look(ctx, dir) }
		if w.group.TryGo(look) {
			continue
		}
		if err := look(); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) look(ctx context.Context, dir secret.Dir) error {
	snap, err := w.get(ctx, dir)
	switch {
	case errors.Is(err, secret.ErrDenied):
		w.deny(dir, err)
		return nil
	case errors.Is(err, secret.ErrNotFound):
		return nil // the list above is older
	case err != nil:
		return err
	}
	w.mu.Lock()
	w.found = append(w.found, snap)
	w.mu.Unlock()
	return w.below(ctx, snap)
}

func (w *walk) deny(dir secret.Dir, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.denied == nil {
		w.denied = make(map[secret.Dir]error)
	}
	w.denied[dir] = err
}

// deniedBelow returns why not everything can be listed, nil if it can.
func (w *walk) deniedBelow() error {
	if len(w.denied) == 0 {
		return nil
	}
	byPath := func(a, b secret.Dir) int { return strings.Compare(a.Path, b.Path) }
	first := slices.SortedFunc(maps.Keys(w.denied), byPath)[0]
	return fmt.Errorf("%s may not be read: leave it out with --exclude: %w", first, w.denied[first])
}

// gather returns what folders give, in order.
func (l *Layout) gather(folders []*secret.Folder) []secret.Secret {
	var list []secret.Secret
	for _, part := range folders {
		shown := l.chosen(part)
		l.flat.note(part.Dir, shown)
		list = append(list, shown...)
	}
	return l.merge(list)
}

// join makes one folder of all, the first of which is the root. What holds for a
// part of it holds for the whole.
func join(folders []*secret.Folder, secrets []secret.Secret, denied error) *secret.Folder {
	return folders[0].With(func(one *secret.Folder) {
		one.Secrets, one.Folders, one.Denied, one.Revision = secrets, nil, denied, ""
		for _, part := range folders[1:] {
			one.Partial = one.Partial || part.Partial
			one.Stale = one.Stale || part.Stale
			if part.Fetched.Before(one.Fetched) {
				one.Fetched = part.Fetched
			}
			if part.Answered.Before(one.Answered) {
				one.Answered = part.Answered
			}
		}
	})
}

// Prove implements [secret.Prover]. In a flat layout only those folders are asked
// to be right about a name that could give it: shells look for names all day, and
// there may be hundreds of folders.
func (l *Layout) Prove(ctx context.Context, dir secret.Dir, name string) (*secret.Folder, error) {
	if !l.cfg.Flat || dir != l.cfg.Root {
		return l.Folder(ctx, dir, secret.NeedProof)
	}
	w := &walk{layout: l, need: secret.NeedProof, name: name}
	found, err := w.all(ctx)
	if err != nil {
		return nil, err
	}
	return join(found, l.gather(found), w.deniedBelow()).With(func(f *secret.Folder) { f.Partial = true }), nil
}

// mayGive reports whether a folder, or one below it, could give the name.
func (l *Layout) mayGive(dir secret.Dir, name string) bool {
	return strings.HasPrefix(name, l.name(l.elements(dir), ""))
}
