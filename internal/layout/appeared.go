package layout

import (
	"context"

	"golang.org/x/sync/errgroup"

	"infisicalfs/secret"
)

// Appeared returns the folders that a change brings to a flat layout. What is in
// them is news too, but nobody has asked for it yet: see [Layout.Look].
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

// Look asks for a folder that appeared and what is below it, and returns the news
// of it. What may not be read is no news.
func (l *Layout) Look(ctx context.Context, dir secret.Dir) ([]secret.Change, error) {
	w := &walk{layout: l, need: secret.NeedListing}
	w.group, ctx = errgroup.WithContext(ctx)
	w.group.SetLimit(atOnce)
	w.group.Go(func() error { return w.look(ctx, dir) })
	if err := w.group.Wait(); err != nil {
		return nil, err
	}
	var news []secret.Change
	for _, snap := range w.found {
		part := l.part(snap)
		news = append(news, secret.Change{Dir: l.cfg.Root, Old: part.With(func(f *secret.Folder) { f.Secrets = nil }), New: part})
	}
	return news, nil
}
