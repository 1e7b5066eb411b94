package layout

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"infisicalfs/secret"
)

// Change translates a change of what is below into the one that it means above. Not
// ok: it means none.
func (l *Layout) Change(change secret.Change) (above secret.Change, ok bool) {
	if l.Source() != l {
		return change, true
	}
	if change.Err != nil {
		l.memo.forget() // what may not be shown shall not stay in memory either
	}
	if l.cfg.Flat {
		return l.flatChange(change)
	}
	if !change.Dir.Contains(l.cfg.Root) && !l.shows(change.Dir) {
		return change, false
	}
	if change.Old != nil {
		change.Old = l.shape(change.Old)
	}
	if change.New != nil {
		change.New = l.shape(change.New)
	}
	if l.cfg.Names != "" && l.cfg.Names != AsIs {
		change.Names, change.Gone = nil, nil // they are the server's names
	}
	return change, true
}

// Shown returns the directory that shows what is in dir.
func (l *Layout) Shown(dir secret.Dir) secret.Dir {
	if l.cfg.Flat && l.cfg.Root.Contains(dir) {
		return l.cfg.Root
	}
	return dir
}

// flatChange is Change for the one directory of a flat layout.
func (l *Layout) flatChange(change secret.Change) (secret.Change, bool) {
	root := l.cfg.Root
	switch {
	case change.Dir != root && change.Dir.Contains(root):
		return change, true
	case !root.Contains(change.Dir) || !l.shows(change.Dir):
		return change, false
	case change.Err != nil && change.Deep && change.Dir == root:
		return change, true
	case change.Err != nil:
		return l.denial(change), true
	case change.Deep && change.Old != nil && change.New == nil && change.Dir != root:
		return l.gone(change.Dir), true
	case change.Deep || change.Old == nil || change.New == nil:
		return secret.Change{Dir: root}, true
	}
	return secret.Change{Dir: root, Old: l.part(change.Old), New: l.part(change.New)}, true
}

// part is what one folder gives to a flat directory.
func (l *Layout) part(snap *secret.Folder) *secret.Folder {
	return snap.With(func(f *secret.Folder) {
		f.Dir, f.Folders, f.Secrets = l.cfg.Root, nil, l.merge(l.chosen(snap))
	})
}

// denial takes away what a folder gave to a flat directory, and nothing else.
func (l *Layout) denial(change secret.Change) secret.Change {
	before := &secret.Folder{Dir: l.cfg.Root}
	l.flat.mu.Lock()
	for dir, names := range l.flat.names {
		if dir == change.Dir || change.Deep && change.Dir.Contains(dir) {
			for name := range names {
				before.Secrets = append(before.Secrets, secret.Secret{Name: name})
			}
		}
	}
	l.flat.mu.Unlock()
	before.Sort()
	hidden := slices.Clone(before.Secrets)
	for i := range hidden {
		hidden[i].Hidden, hidden[i].Reason = true, "the folder that it is in may not be read any longer"
	}
	return secret.Change{Dir: l.cfg.Root, Old: before, New: before.With(func(f *secret.Folder) { f.Secrets = hidden })}
}

// gone is the change by which what a folder gave to a flat directory is not there any
// more, but for names that another one gives too.
func (l *Layout) gone(top secret.Dir) secret.Change {
	before := &secret.Folder{Dir: l.cfg.Root}
	l.flat.mu.Lock()
	stay := make(map[string]bool)
	for dir, names := range l.flat.names {
		for name, given := range names {
			stay[name] = stay[name] || given && !top.Contains(dir)
		}
	}
	for dir, names := range l.flat.names {
		for name, given := range names {
			if top.Contains(dir) && given {
				names[name] = false
				if !stay[name] {
					stay[name] = true // once
					before.Secrets = append(before.Secrets, secret.Secret{Name: name})
				}
			}
		}
	}
	l.flat.mu.Unlock()
	before.Sort()
	return secret.Change{Dir: l.cfg.Root, Old: before, New: before.With(func(f *secret.Folder) { f.Secrets = nil })}
}

// Appeared returns the folders that a change brings to a flat layout. What is in
// them appears too, but nobody has asked for it yet: see [Layout.Look].
func (l *Layout) Appeared(change secret.Change) (list []secret.Dir) {
	if !l.cfg.Flat || !l.cfg.Root.Contains(change.Dir) || change.Old == nil || change.New == nil || change.Old.NoSubfolders {
		return nil
	}
	for _, sub := range change.New.Folders {
		dir := change.Dir.Child(sub.Name)
		if _, known := change.Old.Subfolder(sub.Name); !known && change.Dir.Leads(sub.Name) && l.shows(dir) {
			list = append(list, dir)
		}
	}
	return list
}

// Look asks for a folder that appeared and what is below it, and returns the
// changes that this makes. What may not be read makes none. The error is that of the
// Source below, for the first folder that could not be asked for.
func (l *Layout) Look(ctx context.Context, dir secret.Dir) ([]secret.Change, error) {
	w := &walk{layout: l, need: secret.NeedListing}
	w.group, ctx = errgroup.WithContext(ctx)
	w.group.SetLimit(atOnce)
	w.group.Go(func() error { return w.look(ctx, dir) })
	if err := w.group.Wait(); err != nil {
		return nil, err
	}
	var changes []secret.Change
	for _, snap := range w.found {
		part := l.part(snap)
		changes = append(changes, secret.Change{Dir: l.cfg.Root, Old: part.With(func(f *secret.Folder) { f.Secrets = nil }), New: part})
	}
	return changes, nil
}
