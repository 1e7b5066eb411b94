package fs

import (
	"log/slog"
	"time"

	"infisicalfs/fs/internal/overlay"
	"infisicalfs/internal/duration"
	"infisicalfs/internal/rights"
	"infisicalfs/secret"
)

// Config is what a file system is made of. Source is required. The zero value of
// each other field means its default, a negative duration ([duration.None]) none at
// all.
type Config struct {
	Source secret.Source
	Root   secret.Dir // what the mount's root shows

	// Writer is nil for a read-only file system: modifying operations answer
	// EROFS. A Source above it should know of what it writes: a file system
	// that shows an old snapshot takes its own write for somebody else's.
	Writer secret.Writer

	// Refuses says why no secret, or folder, of that name may be made in dir; it
	// wraps [secret.ErrProtected] or [secret.ErrInvalid]. It answers at once. Nil: all may.
	Refuses func(dir secret.Dir, name string, folder bool) error

	// Overwrite lets the last writer win: neither changes by others nor
	// references in the old value keep a value from being replaced.
	Overwrite bool
	// ScratchFor is how long a closed file waits whose name is a program's for a
	// temporary and a person's for a secret, while its maker is alive or not
	// known; zero means 30 seconds.
	ScratchFor time.Duration
	// Dotfiles makes secrets of names with a leading dot, except those of
	// programs' temporary files.
	Dotfiles bool

	// Raw says that the Source shows values as they are stored, with references
	// unexpanded, so that they can be edited.
	Raw bool
	// PersonalReadOnly says that what is shown may be a person's own overrides:
	// secrets cannot be written, because that would be for the shared value.
	PersonalReadOnly bool

	// TTL is how long a snapshot counts as fresh. The kernel may remember names
	// and attributes for what remains of it. Default 1 min.
	TTL time.Duration

	// Views are files that each folder has besides its secrets, by name. They are
	// found by name and not listed; a secret or folder of such a name wins.
	Views map[string]View
	// ListedViews are those that are listed all the same, for programs that list a directory
	// to find what they read, and for whoever copies one.
	ListedViews []string

	// Links shows secrets as links into a generation, as volumes of Kubernetes
	// do; see package generation. It wants no Writer.
	Links bool

	KernelCache KernelCache // what of the values the kernel may remember; CacheFull wants no Writer

	UID, GID           uint32         // the owner of everything but .infisicalfs
	FileMode, DirMode  uint32         // permission bits; 0 means 0400 and 0500, with a Writer 0600 and 0700
	Rules              []rights.Rule  // for files that differ from that; the last that matches counts
	ServerRights       *rights.Server // nil: the server has no say in it
	OwnerUID, OwnerGID uint32         // the daemon's owner: .infisicalfs belongs to it

	MountTime time.Time // the date of what has none; zero means now

	Notify     Notify     // how watchers are told of changes by others; empty means off
	EmitThread EmitThread // nil: they are not

	// Inherited reports whether the kernel has the node with an inode number from a
	// process that served the mount before: nothing else is known of what it keeps of
	// it. It answers at once. Nil: there was none.
	Inherited func(node uint64) bool
	// InheritedIn returns the names that the kernel has in a directory from such a process. Nil: none.
	InheritedIn func(node uint64) []string

	// Note is given what a process would have to know that goes on with the mount after this
	// one was killed, see [Recollect], in the place of what was noted under that name
	// before. It returns at once. Nil: nobody would.
	Note func(name string, note []byte)

	Status  func() ([]byte, error) // the content of .infisicalfs/status; nil: no such file
	Refresh func() error           // called by a write to .infisicalfs/refresh; nil: no such file

	NoControl bool // there is no .infisicalfs

	Log *slog.Logger // nil: silent
}

// View writes a snapshot of a folder as one text. Its error names the secret that
// keeps it from that, wraps a sentinel of package secret, and has no value in it.
type View func(*secret.Folder) (secret.Value, error)

// KernelCache says what of the values the kernel may keep in its memory, and how
// much it asks before it shows it.
type KernelCache string

const (
	// CacheDefault: whole versions, one message for each open. See [pagecache.File]. The
	// empty string means the same.
	CacheDefault KernelCache = "default"
	// CacheOff: nothing. Each read is a message.
	CacheOff KernelCache = "off"
	// CacheFull: whole versions, and no message for what is in memory: the kernel
	// is told once that opening and closing mean nothing here. So there are no
	// handles with a version of their own: who reads in pieces while the value
	// changes can get pieces of both. Values of more than one READ are refused,
	// and so is what is different each time, the status. For read-only mounts.
	CacheFull KernelCache = "full"
)

// withDefaults returns the configuration with what its zero values mean.
func (cfg Config) withDefaults() Config {
	ownerWrites := uint32(0)
	if cfg.Writer != nil {
		ownerWrites = 0o200
	}
	if cfg.FileMode == 0 {
		cfg.FileMode = 0o400 | ownerWrites
	}
	if cfg.DirMode == 0 {
		cfg.DirMode = 0o500 | ownerWrites
	}
	cfg.TTL = duration.OrDefault(cfg.TTL, time.Minute)
	if cfg.MountTime.IsZero() {
		cfg.MountTime = time.Now()
	}
	if cfg.Refuses == nil {
		cfg.Refuses = func(secret.Dir, string, bool) error { return nil }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.InheritedIn == nil {
		cfg.InheritedIn = func(uint64) []string { return nil }
	}
	cfg.ScratchFor = duration.OrDefault(cfg.ScratchFor, overlay.DoubtfulFor)
	return cfg
}
