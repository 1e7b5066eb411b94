package fs

import (
	"encoding/json"
	"fmt"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/fs/internal/generation"
	"infisicalfs/fs/internal/inode"
)

// What is noted for the case that the process is killed, see [Config.Note]: for each place
// that something was renamed from or to, which numbers its nodes have, and of each folder that
// shows links the newest generation.

// What the names of notes begin with; the place of the node follows.
const (
	renameNote     = "renamed "
	generationNote = "generation "
)

// FolderGeneration is the newest generation of a folder.
type FolderGeneration struct {
	Place fusefs.StableAttr `json:"place"` // the folder's node
	generation.Record
}

// renamed hands on what is known of a place.
func renamed(r inode.Record, note func(name string, note []byte)) {
	if text, err := json.Marshal(r); err == nil {
		note(fmt.Sprintf("%s%x.%x.%x", renameNote, r.Place.Mode, r.Place.Ino, r.Place.Gen), text)
	}
}

// noteGeneration hands on what is the newest generation of a folder.
func noteGeneration(g FolderGeneration, note func(name string, note []byte)) {
	if text, err := json.Marshal(g); err == nil {
		note(fmt.Sprintf("%s%x.%x", generationNote, g.Place.Ino, g.Place.Gen), text)
	}
}

func appendNote[R any](list []R, text []byte) ([]R, error) {
	var r R
	err := json.Unmarshal(text, &r)
	return append(list, r), err
}
