package layout

import (
	"slices"

	"infisicalfs/secret"
)

// News translates news from below into what it means above. Not ok: nothing.
func (l *Layout) News(change secret.Change) (news secret.Change, ok bool) {
	if l.Source() != l {
		return change, true
	}
	if change.Err != nil {
		l.memo.forget() // what may not be shown shall not stay in memory either
	}
	if l.cfg.Flat {
		return l.flatNews(change)
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
	return change, true
}

// Shown returns the directory that shows what is in dir.
func (l *Layout) Shown(dir secret.Dir) secret.Dir {
	if l.cfg.Flat && l.cfg.Root.Contains(dir) {
		return l.cfg.Root
	}
	return dir
}

// flatNews is News for the one directory of a flat layout.
func (l *Layout) flatNews(change secret.Change) (secret.Change, bool) {
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

// gone is the news that what a folder gave to a flat directory is not there any
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
