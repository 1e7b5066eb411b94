package secrettest

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"infisicalfs/secret"
)

// The kinds of request that a [FakeWriter] makes.
const (
	KindStored       Kind = "stored"
	KindStoredBelow  Kind = "stored below"
	KindCreate       Kind = "create"
	KindUpdate       Kind = "update"
	KindAnnotate     Kind = "annotate"
	KindRename       Kind = "rename"
	KindMove         Kind = "move"
	KindDelete       Kind = "delete"
	KindCreateFolder Kind = "create folder"
	KindRenameFolder Kind = "rename folder"
	KindDeleteFolder Kind = "delete folder"
)

// FakeWriter is a [secret.Writer] that changes a [Fake], by the rules of a
// server: values are trimmed, versions count up, what an import gives does not
// exist. The Fake's faults, delays and hanging apply to it too.
type FakeWriter struct{ fake *Fake }

var _ secret.Writer = (*FakeWriter)(nil)

// Writer returns a Writer that changes f.
func (f *Fake) Writer() *FakeWriter { return &FakeWriter{f} }

// do makes one request. act runs with the Fake locked, on the directory's content.
func (w *FakeWriter) do(ctx context.Context, kind Kind, dir secret.Dir, name string, act func(*content) error) error {
	w.fake.mu.Lock()
	before := w.fake.before
	w.fake.mu.Unlock()
	if before != nil {
		before(Request{Kind: kind, Dir: dir, Name: name})
	}
	var late error
	err := w.fake.serve(ctx, Request{Kind: kind, Dir: dir, Name: name}, func() error {
		c := w.fake.dirs[dir]
		if c == nil {
			return fmt.Errorf("%w: no such folder", secret.ErrNotFound)
		}
		fault, ok := w.fake.writeFaults[kind]
		if ok && !fault.after {
			return fault.err
		}
		late = fault.err
		return act(c)
	})
	if err == nil {
		err = late
	}
	return err
}

// own returns the folder's own secret of that name.
func (c *content) own(name string) (secret.Secret, error) {
	s, ok := c.secrets[name]
	if !ok {
		return s, fmt.Errorf("%w: no such secret", secret.ErrNotFound)
	}
	return s, nil
}

// changeable is own for a change.
func (c *content) changeable(name string) (secret.Secret, error) {
	s, err := c.own(name)
	if err == nil && s.Rotated {
		err = fmt.Errorf("%w: managed by a rotation", secret.ErrProtected)
	}
	return s, err
}

// stored is s with its value as the server keeps it.
func (c *content) stored(s secret.Secret) secret.Secret {
	if raw, ok := c.raw[s.Name]; ok {
		s.Value = secret.NewValue(raw)
	}
	s.Hidden, s.Reason = false, ""
	return s
}

// Trimmed is what a server makes of a value: no white space around it, except
// one newline if the last character was one.
func Trimmed(value string) string {
	trimmed := strings.Trim(value, " \t\r\n\v\f\u00a0\ufeff")
	if strings.HasSuffix(value, "\n") {
		trimmed += "\n"
	}
	return trimmed
}

func (w *FakeWriter) Stored(ctx context.Context, dir secret.Dir, name string) (got secret.Secret, err error) {
	err = w.do(ctx, KindStored, dir, name, func(c *content) error {
		s, err := c.own(name)
		got = c.stored(s)
		return err
	})
	return got, err
}

func (w *FakeWriter) StoredBelow(ctx context.Context, dir secret.Dir) (list []secret.Secret, err error) {
	err = w.do(ctx, KindStoredBelow, dir, "", func(*content) error {
		for below, c := range w.fake.dirs {
			if !dir.Contains(below) {
				continue
			}
			for _, s := range c.secrets {
				list = append(list, c.stored(s))
			}
		}
		return nil
	})
	return list, err
}

func (w *FakeWriter) Create(ctx context.Context, dir secret.Dir, name string, value secret.Value) (got secret.Secret, err error) {
	err = w.do(ctx, KindCreate, dir, name, func(c *content) error {
		switch _, taken := c.secrets[name]; {
		case taken:
			return secret.ErrExists
		case !utf8.ValidString(value.Reveal()) || strings.TrimSpace(name) != name:
			return secret.ErrInvalid
		}
		got = secret.Secret{Name: name, ID: w.fake.id("secret"), Version: 1, Created: time.Now(), Updated: time.Now()}
		got.Value = secret.NewValue(Trimmed(value.Reveal()))
		c.secrets[name] = got
		delete(c.raw, name)
		w.fake.newRevision(c)
		return nil
	})
	return got, err
}

func (w *FakeWriter) Update(ctx context.Context, dir secret.Dir, name string, value secret.Value) (got secret.Secret, err error) {
	err = w.do(ctx, KindUpdate, dir, name, func(c *content) error {
		if got, err = c.changeable(name); err != nil {
			return err
		}
		got.Value, got.Hidden = secret.NewValue(Trimmed(value.Reveal())), false
		got.Version++
		got.Updated = time.Now()
		c.secrets[name] = got
		delete(c.raw, name)
		w.fake.newRevision(c)
		return nil
	})
	return got, err
}

func (w *FakeWriter) Annotate(ctx context.Context, dir secret.Dir, name string, comment *string, tags []string) (got secret.Secret, err error) {
	err = w.do(ctx, KindAnnotate, dir, name, func(c *content) error {
		if got, err = c.own(name); err != nil {
			return err
		}
		if comment != nil {
			got.Comment = *comment
		}
		if tags != nil {
			got.Tags = tags
		}
		got.Version++
		c.secrets[name] = got
		w.fake.newRevision(c)
		return nil
	})
	return got, err
}

func (w *FakeWriter) Rename(ctx context.Context, dir secret.Dir, from, to string) (got secret.Secret, err error) {
	err = w.do(ctx, KindRename, dir, from, func(c *content) error {
		if got, err = c.changeable(from); err != nil {
			return err
		}
		if _, taken := c.secrets[to]; taken {
			return secret.ErrExists
		}
		w.fake.shift(c, from, c, to, func(s *secret.Secret) { s.Version++ })
		got = c.secrets[to]
		return nil
	})
	return got, err
}

func (w *FakeWriter) Move(ctx context.Context, dir secret.Dir, name string, to secret.Dir) error {
	return w.do(ctx, KindMove, dir, name, func(c *content) error {
		if _, err := c.changeable(name); err != nil {
			return err
		}
		target := w.fake.dirs[to]
		if target == nil {
			return secret.ErrNotFound
		}
		if _, taken := target.secrets[name]; taken {
			return secret.ErrExists
		}
		w.fake.shift(c, name, target, name, func(s *secret.Secret) { s.ID, s.Version = w.fake.id("secret"), 1 })
		return nil
	})
}

// shift takes a secret with its stored value to another name or folder.
func (f *Fake) shift(from *content, old string, to *content, name string, change func(*secret.Secret)) {
	s := from.secrets[old]
	raw, hasRaw := from.raw[old]
	delete(from.secrets, old)
	delete(from.raw, old)
	s.Name = name
	change(&s)
	to.secrets[name] = s
	if hasRaw {
		to.raw[name] = raw
	}
	f.newRevision(from)
	f.newRevision(to)
}

func (w *FakeWriter) Delete(ctx context.Context, dir secret.Dir, name string) error {
	return w.do(ctx, KindDelete, dir, name, func(c *content) error {
		if _, err := c.changeable(name); err != nil {
			return err
		}
		delete(c.secrets, name)
		delete(c.raw, name)
		w.fake.newRevision(c)
		return nil
	})
}

func (w *FakeWriter) CreateFolder(ctx context.Context, dir secret.Dir, name string) error {
	return w.do(ctx, KindCreateFolder, dir, name, func(c *content) error {
		if _, taken := c.folders[name]; taken {
			return secret.ErrExists
		}
		if !folderName(name) {
			return secret.ErrInvalid
		}
		w.fake.mkdir(dir.Child(name))
		return nil
	})
}

// folderName is the rule of servers for new folders.
func folderName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

func (w *FakeWriter) RenameFolder(ctx context.Context, dir secret.Dir, from, to string) error {
	return w.do(ctx, KindRenameFolder, dir, from, func(c *content) error {
		sub, ok := c.folders[from]
		if !ok {
			return secret.ErrNotFound
		}
		if _, taken := c.folders[to]; taken {
			return secret.ErrExists
		}
		if !folderName(to) {
			return secret.ErrInvalid
		}
		delete(c.folders, from)
		sub.Name = to
		c.folders[to] = sub
		old, next := dir.Child(from), dir.Child(to)
		for d, below := range w.fake.dirs {
			if old.Contains(d) {
				delete(w.fake.dirs, d)
				d.Path = next.Path + strings.TrimPrefix(d.Path, old.Path)
				w.fake.dirs[d] = below
			}
		}
		w.fake.newRevision(c)
		return nil
	})
}

func (w *FakeWriter) DeleteFolder(ctx context.Context, dir secret.Dir, name string) error {
	return w.do(ctx, KindDeleteFolder, dir, name, func(c *content) error {
		if _, ok := c.folders[name]; !ok {
			return secret.ErrNotFound
		}
		gone := w.fake.dirs[dir.Child(name)]
		if len(gone.secrets)+len(gone.folders) > 0 {
			return secret.ErrNotEmpty
		}
		delete(c.folders, name)
		delete(w.fake.dirs, dir.Child(name))
		w.fake.newRevision(c)
		return nil
	})
}
