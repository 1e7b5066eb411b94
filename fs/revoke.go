package fs

import (
	"slices"

	"infisicalfs/fs/internal/diff"
	"infisicalfs/fs/internal/openfiles"
	"infisicalfs/secret"
)

// revoke takes their content from open files, and what the kernel has of it.
// That is told to the kernel here and now: the message takes locks of pages only,
// and their READs are answered without asking anybody.
func (f *FS) revoke(lost func(openfiles.File) bool) int {
	gone := f.opened.Revoke(lost)
	for _, r := range gone {
		switch r := r.(type) {
		case *handle:
			r.file.forget() // sendfile makes pages of what was opened with direct I/O, too
		case *writeHandle:
			r.file.forget()
		case *viewHandle:
			r.view.NotifyContent(0, 0) // it may be mapped
		case *listing:
			r.dir.pages.Outdate()
			r.dir.forgetListing()
		case *watchedGeneration:
			r.forget()
		}
	}
	return len(gone)
}

// revokes says which open files change takes the content from, nil if none: all
// that it denies, and secrets whose value is hidden from now on, unless all of their text is
// the writer's own. list is what it has changed.
func revokes(change secret.Change, list []diff.Difference) func(openfiles.File) bool {
	if change.Err != nil {
		return func(r openfiles.File) bool { return concerns(change, r.Folder()) }
	}
	if !slices.ContainsFunc(list, diff.Difference.Denied) {
		return nil
	}
	hidden := func(f *file) bool {
		dir, name := f.where()
		s, ok := change.New.Secret(name)
		return dir == change.Dir && ok && s.Denied()
	}
	viewsToo := slices.ContainsFunc(list, diff.Difference.Hides) // which may have the value in them
	return func(r openfiles.File) bool {
		switch r := r.(type) {
		case *viewHandle:
			return viewsToo && r.Folder() == change.Dir
		case *watchedGeneration:
			return r.hides(change.New)
		case *handle:
			return hidden(r.file)
		case *writeHandle:
			return r.scratch == nil && hidden(r.file) && r.buffer.Foreign()
		}
		return false
	}
}

// concerns reports whether a change is about dir.
func concerns(change secret.Change, dir secret.Dir) bool {
	return change.Dir == dir || change.Deep && change.Dir.Contains(dir)
}
