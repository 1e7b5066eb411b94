package dockerplugin

import (
	"context"

	"infisicalfs/internal/volume"
	"infisicalfs/secret"
)

// Volumes does what the engines ask for. All of it is safe for concurrent use. Words are
// options by the names of the flags of mount.
type Volumes interface {
	// Create is idempotent with the same words, and an error with others.
	Create(name string, words map[string]string) error
	// Remove is an error while somebody has the volume mounted; one that is not there
	// is [volume.ErrNotFound].
	Remove(name string) error
	// Mount mounts the volume, if it is not, and notes that id uses it. It ends with
	// ctx, and then id does not use it.
	Mount(ctx context.Context, name, id string) (mountpoint string, err error)
	// Unmount takes id from those who use the volume. An id that does not, and a volume
	// that is not there, are no errors.
	Unmount(ctx context.Context, name, id string) error
	// Get and List never ask a server, and name the mountpoint before the first mount,
	// too: Docker binds what the first answer said. An unknown name is [volume.ErrNotFound].
	Get(name string) (volume.Volume, error)
	List() []volume.Volume
	// Secret reads one secret: the words say where and as whom, key what it is called.
	Secret(ctx context.Context, words map[string]string, key string) (secret.Value, error)
}
