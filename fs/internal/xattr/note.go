package xattr

import (
	"strings"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/secret"
)

// The full names of what can be set.
const (
	Comment = Prefix + "comment"
	Tags    = Prefix + "tags" // slugs, with commas between
)

// Flags of setxattr(2), as the kernel sends them.
const (
	Create  = 1 // it must not be there
	Replace = 2 // it must be there
)

// described are the attributes that say what the server has. They are the server's
// to change, and are set all the same by whoever copies files with all that
// belongs to them (rsync -X, cp --preserve=xattr, backup programs), perhaps from
// elsewhere or from long ago. So setting them succeeds and changes nothing, as
// with modes, owners and dates.
var described = map[string]bool{
	"id": true, "type": true, "key": true, "environment": true, "path": true, "import": true,
	"version": true, "updated_at": true, "fetched_at": true, "stale": true,
	"approval_request": true,
}

// Settable says what setting an attribute is: a change of a secret's comment or
// tags (note), something that succeeds without effect, or an error.
func Settable(attr string) (note bool, errno syscall.Errno) {
	name, ours := strings.CutPrefix(attr, Prefix)
	switch {
	case !ours:
		return false, syscall.ENOTSUP
	case attr == Comment, attr == Tags:
		return true, 0
	case described[name]:
		return false, 0
	}
	return false, syscall.EPERM
}

// Allows says what flags of setxattr(2) make of an attribute that is there, or is
// not: EEXIST, ENOATTR, or nothing against it.
func Allows(flags uint32, there bool) syscall.Errno {
	switch {
	case flags&Create != 0 && there:
		return syscall.EEXIST
	case flags&Replace != 0 && !there:
		return syscall.Errno(fuse.ENOATTR)
	}
	return 0
}

// Note is what somebody writes about a secret. What is nil stays as it is.
type Note struct {
	Comment *string
	Tags    []string // empty, but not nil: it shall have none
}

// NoteOf returns the note that setting [Comment] or [Tags] to a text is.
func NoteOf(attr, text string) Note {
	if attr == Tags {
		return Note{Tags: splitTags(text)}
	}
	return Note{Comment: &text}
}

// NotedOn reports whether the secret has a comment, or tags, whichever attr is.
func NotedOn(s *secret.Secret, attr string) bool {
	if attr == Tags {
		return len(s.Tags) > 0
	}
	return s.Comment != ""
}

// splitTags is never nil: no tags is something to set.
func splitTags(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
}

// Notes are what has been noted about a file that the server does not have yet: a
// scratch file, or a secret that is about to be created. They are sent after the
// file's first text. The zero Notes is ready, and safe for concurrent use.
type Notes struct {
	mu   sync.Mutex // guards note
	note Note
}

// Set notes a text as [Comment] or [Tags], unless flags are against it: see
// [Allows].
func (n *Notes) Set(attr, text string, flags uint32) syscall.Errno {
	n.mu.Lock()
	defer n.mu.Unlock()
	there := n.note.Comment != nil && *n.note.Comment != ""
	if attr == Tags {
		there = len(n.note.Tags) > 0
	}
	if errno := Allows(flags, there); errno != 0 {
		return errno
	}
	if note := NoteOf(attr, text); attr == Tags {
		n.note.Tags = note.Tags
	} else {
		n.note.Comment = note.Comment
	}
	return 0
}

// List returns the attributes of the file.
func (n *Notes) List() (list List) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.note.Comment != nil {
		list = append(list, Attr{"comment", *n.note.Comment})
	}
	return append(list, Attr{"tags", strings.Join(n.note.Tags, ",")})
}

// Take returns what is to be sent, once; not due: nothing.
func (n *Notes) Take() (what Note, due bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	what, n.note = n.note, Note{}
	return what, what.Comment != nil || what.Tags != nil
}
