package fs

import (
	"context"
	"log/slog"
	"path"
	"strings"
	"sync"
	"syscall"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/secret"
)

// note is what people write about a secret. What is nil stays as it is.
type note struct {
	comment *string
	tags    []string
}

func noteOf(attr, text string) note {
	if attr == tagsAttr {
		return note{tags: splitTags(text)}
	}
	return note{comment: &text}
}

// notes are what has been noted about a file that the server does not have yet: a
// scratch file, or a secret that is about to be created. It is sent after the
// file's first text.
type notes struct {
	mu   sync.Mutex // guards what follows
	note note
}

// notes returns where to note something about the file; nil: on the server.
func (n *file) notes() *notes {
	if sc := n.asScratch(); sc != nil {
		return &sc.notes
	}
	dir, name := n.where()
	for _, h := range n.fs.overlay.writers(dir, name) {
		if h.creating() {
			return &h.notes
		}
	}
	return nil
}

func (l *notes) set(attr, text string, flags uint32) syscall.Errno {
	l.mu.Lock()
	defer l.mu.Unlock()
	there := l.note.comment != nil && *l.note.comment != ""
	if attr == tagsAttr {
		there = len(l.note.tags) > 0
	}
	if errno := flagged(flags, there); errno != 0 {
		return errno
	}
	if attr == tagsAttr {
		l.note.tags = splitTags(text)
	} else {
		l.note.comment = &text
	}
	return 0
}

func (l *notes) xattrs() (list []xattr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.note.comment != nil {
		list = append(list, xattr{"comment", *l.note.comment})
	}
	return append(list, xattr{"tags", strings.Join(l.note.tags, ",")})
}

// take returns what is to be sent, once.
func (l *notes) take() (what note, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	what, l.note = l.note, note{}
	return what, what.comment != nil || what.tags != nil
}

// sendNotes sends what has been noted about a secret before the server had it, as
// version s, and returns the version that the server has then. The secret itself
// is there: a failure is logged and fails nothing.
func (f *FS) sendNotes(ctx context.Context, dir secret.Dir, name string, l *notes, s secret.Secret) secret.Secret {
	what, due := l.take()
	if !due {
		return s
	}
	got, err := f.annotate(ctx, dir, name, &s, what)
	if err != nil {
		f.log.Log(ctx, slog.LevelWarn, "comment and tags of a new secret were not set", "path", path.Join(dir.String(), filename.Encode(name)), "error", err)
		return s
	}
	f.tell(dir, name)
	return got
}
