package secret

import "context"

// Writer changes what a Source shows. It is handed over apart from the Source
// and never asserted from one: whoever has no Writer is read-only, which is the
// case everywhere for now.
type Writer interface {
	Create(ctx context.Context, dir Dir, name string, value Value) (Secret, error)
	Update(ctx context.Context, dir Dir, name string, value Value) (Secret, error)
	Rename(ctx context.Context, dir Dir, from, to string) (Secret, error)
	Delete(ctx context.Context, dir Dir, name string) error
	CreateFolder(ctx context.Context, dir Dir, name string) error
	RenameFolder(ctx context.Context, dir Dir, from, to string) error
	DeleteFolder(ctx context.Context, dir Dir, name string) error
}
