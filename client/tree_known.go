package client

import (
	"time"

	"infisicalfs/secret"
)

// What makes a bulk request conditional. The folders of a bulk answer carry the
// tags of its two large parts: the recursive list of folders, and that of the
// secrets with their values. If both are "not modified" nothing has changed,
// for two requests instead of three.
//
// The third part, the names of secrets whose value may not be read, is vouched
// for by the list of folders: current servers tell with each folder when a
// secret directly in it was changed last. They do not tell that of the topmost
// folder, nor of a permission that was given to see a name only: that shows when
// the answer is asked for in full again. Nor do they tell it of folders whose
// values refer to what was changed, so the values are asked for each time. Where
// a server does not tell it at all, there are no tags.

// treeRevision returns the tags of folders out of one bulk answer, empty if there
// are none.
func treeRevision(known []*secret.Folder) revision {
	if len(known) == 0 || !known[0].Partial {
		return revision{}
	}
	return parseRevision(known[0].Revision)
}

// renewed are known folders of which the server says that they are unchanged.
func renewed(known []*secret.Folder) []*secret.Folder {
	now := time.Now()
	folders := make([]*secret.Folder, 0, len(known))
	for _, folder := range known {
		folders = append(folders, folder.With(func(f *secret.Folder) { f.Fetched = now }))
	}
	return folders
}
