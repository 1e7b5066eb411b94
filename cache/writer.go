package cache

import (
	"context"

	"infisicalfs/cache/internal/snapshot"
	"infisicalfs/secret"
)

// Writer returns a [secret.Writer] that hands everything on to to and sees that
// a change which the server has is shown from then on, here and now: where the
// new content is certain the folder's snapshot is changed in place, without a
// request and without a longer life; where it is not, the next caller has the
// server asked, and not even an outage brings the old content back.
func (c *Cache) Writer(to secret.Writer) secret.Writer { return &writer{c, to} }

type writer struct {
	cache *Cache
	to    secret.Writer
}

// Stored asks past the cache. If it turns out that somebody else changed the
// secret, the next caller of the folder has the server asked.
func (w *writer) Stored(ctx context.Context, dir secret.Dir, name string) (secret.Secret, error) {
	s, err := w.to.Stored(ctx, dir, name)
	w.cache.compare(dir, name, s, err)
	return s, err
}

// StoredBelow asks past the cache.
func (w *writer) StoredBelow(ctx context.Context, dir secret.Dir) ([]secret.Secret, error) {
	return w.to.StoredBelow(ctx, dir)
}

func (w *writer) Create(ctx context.Context, dir secret.Dir, name string, value secret.Value) (secret.Secret, error) {
	s, err := w.to.Create(ctx, dir, name, value)
	w.cache.afterWrite(ctx, err, written{dir: dir, edit: snapshot.CreateSecret(s), edited: []string{s.Name}, stored: &s, secrets: []string{name}, comes: true})
	return s, err
}

func (w *writer) Update(ctx context.Context, dir secret.Dir, name string, value secret.Value) (secret.Secret, error) {
	s, err := w.to.Update(ctx, dir, name, value)
	w.cache.afterWrite(ctx, err, written{dir: dir, edit: snapshot.UpdateSecret(s), edited: []string{s.Name}, stored: &s, secrets: []string{name}})
	return s, err
}

func (w *writer) Annotate(ctx context.Context, dir secret.Dir, name string, comment *string, tags []string) (secret.Secret, error) {
	s, err := w.to.Annotate(ctx, dir, name, comment, tags)
	w.cache.afterWrite(ctx, err, written{dir: dir, edit: snapshot.AnnotateSecret(s), edited: []string{s.Name}})
	return s, err
}

func (w *writer) Rename(ctx context.Context, dir secret.Dir, from, to string) (secret.Secret, error) {
	s, err := w.to.Rename(ctx, dir, from, to)
	w.cache.afterWrite(ctx, err, written{dir: dir, edit: snapshot.RenameSecret(from, s), edited: []string{from, s.Name}, stored: &s, secrets: []string{from, to}, comes: true})
	return s, err
}

func (w *writer) Move(ctx context.Context, dir secret.Dir, name string, to secret.Dir) error {
	err := w.to.Move(ctx, dir, name, to)
	w.cache.afterWrite(ctx, err, written{dir: dir, edit: snapshot.DeleteSecret(name), edited: []string{name}, secrets: []string{name}, comes: true}, written{dir: to, edit: snapshot.Uncertain}) // it has a new id there
	return err
}

func (w *writer) Delete(ctx context.Context, dir secret.Dir, name string) error {
	err := w.to.Delete(ctx, dir, name)
	w.cache.afterWrite(ctx, err, written{dir: dir, edit: snapshot.DeleteSecret(name), edited: []string{name}, secrets: []string{name}, comes: true})
	return err
}

func (w *writer) CreateFolder(ctx context.Context, dir secret.Dir, name string) error {
	err := w.to.CreateFolder(ctx, dir, name)
	w.cache.afterWrite(ctx, err, written{dir: dir, edit: snapshot.CreateFolder(name), edited: []string{name}}, written{dir: dir.Child(name)})
	return err
}

func (w *writer) RenameFolder(ctx context.Context, dir secret.Dir, from, to string) error {
	err := w.to.RenameFolder(ctx, dir, from, to)
	w.cache.afterWrite(ctx, err, written{dir: dir, edit: snapshot.RenameFolder(from, to), edited: []string{from, to}, moved: true},
		written{dir: dir.Child(to)}, written{dir: dir.Child(from), to: dir.Child(to)})
	return err
}

func (w *writer) DeleteFolder(ctx context.Context, dir secret.Dir, name string) error {
	err := w.to.DeleteFolder(ctx, dir, name)
	w.cache.afterWrite(ctx, err, written{dir: dir, edit: snapshot.DeleteFolder(name), edited: []string{name}, moved: true}, written{dir: dir.Child(name)})
	return err
}
