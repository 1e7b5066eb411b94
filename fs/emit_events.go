package fs

import (
	"cmp"
	"slices"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/generation"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/secret"
)

// eventsFor returns what watchers are to be told of what differs between two
// snapshots. That a name has gone is told only if it is certain: one that a partial
// snapshot lacks may exist. New is what was not shown before, be it that it could
// not be known.
func (f *FS) eventsFor(before, after *secret.Folder, differences []difference) (list []event) {
	if !f.tellsWatchers() {
		return nil
	}
	links := f.cfg.Links && after.Dir.IsFolder()
	add := func(k eventKind, shown string, e filename.Entry) {
		list = append(list, f.newEvent(k, after.Dir, shown, e))
	}
	for _, d := range differences {
		was, is := d.before, d.after
		switch {
		case is == filename.Entry{}:
			if !after.Partial && (was.Folder == nil || !after.NoSubfolders) {
				add(vanished, d.shown, was)
			}
		case was == filename.Entry{}:
			if is.Folder == nil || !before.NoSubfolders {
				add(appeared, d.shown, is)
			}
		case !sameThing(was, is):
			add(vanished, d.shown, was)
			add(appeared, d.shown, is)
		case is.Folder != nil || links: // a link stays as it is
		case was.Secret.Value.Equal(is.Secret.Value) || is.Secret.Hidden:
			add(annotated, d.shown, is)
		default:
			add(changed, d.shown, is)
		}
	}
	// By name, and what goes before what comes in its place.
	slices.SortFunc(list, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.shown, b.shown), cmp.Compare(b.kind, a.kind))
	})
	return list
}

// tellsWatchers reports whether watchers are to be told of anything.
func (f *FS) tellsWatchers() bool {
	return f.cfg.EmitThread != nil && f.cfg.Notify != NotifyOff && f.cfg.Notify != ""
}

func (f *FS) newEvent(k eventKind, dir secret.Dir, shown string, e filename.Entry) event {
	p := event{kind: k, dir: dir, shown: shown, folder: e.Folder != nil}
	if p.folder {
		p.name = e.Folder.Name
		f.dirAttr(e.Folder.Updated, &p.attr)
	} else {
		p.name, p.is, p.secret = e.Secret.Name, lostupdate.BaseOf(e.Secret), e.Secret
		f.secretAttr(p.dir, p.name, e.Secret, &p.attr)
		if f.cfg.Links && dir.IsFolder() {
			p.link = generation.Target(shown)
		}
	}
	return p
}
