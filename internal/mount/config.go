package mount

import (
	"log/slog"
	"path"
	"slices"
	"strings"
	"time"

	"infisicalfs/cache"
	"infisicalfs/fs"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/duration"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
	"infisicalfs/internal/view"
	"infisicalfs/secret"
)

// Config says what to mount where. It is not changed by this package. The zero value
// of each field means its default; a negative duration ([duration.None]) means none at all.
type Config struct {
	Mountpoint string     // an existing directory, relative to the working directory; or /dev/fd/N, see attach.Descriptor
	Root       secret.Dir // what the mountpoint shows; the zero Dir: all projects

	// Hub is what the mount shares with others of this process, and stays the caller's to
	// close, after Wait. Then Upstream, Raw, MaxSecrets and Cache are those of the hub, but for
	// TTL and MaxStale, which may be shorter here, and Mountpoint is in a directory of the
	// caller's own. Nil: the mount has a cache of its own.
	Hub *Hub

	Upstream   secret.Upstream // stays the caller's to close, after Wait
	MaxSecrets int             // how many secrets Upstream may give a folder, so that the largest one fits the cache; 0: no more than usual

	// Cache and FS say how the cache and the file system behave. What leads from one
	// to the other, what follows from the fields here, and Log are New's to fill in.
	Cache cache.Config
	FS    fs.Config

	Writer   secret.Writer           // what is written goes there, through the cache; nil: read-only
	NewName  func(name string) error // says why Writer makes no secret of that name, at once; nil: it makes all
	ReadOnly bool                    // refuse writing even where the server would allow it
	Raw      bool                    // Upstream shows values with their references unexpanded, so that they can be edited

	Layout      Layout          // what is shown under which names
	Views       []string        // the built-in views that each folder has; nil: all
	EnvDialect  view.EnvDialect // for which readers .env is written; "": view.EnvStrict
	ListedViews []string        // of the built-in views and the templates, those that are listed
	Templates   []*view.View    // views that each folder has besides the built-in ones
	AllowOther  bool            // other users may enter; modes and owners decide what they see
	Propagate   Propagate       // what the mount is where it propagates to, as in containers; "": PropagateRO
	ServerModes uint32          // permission bits that a secret's metadata may give its file; 0: it has no say, in owners neither

	// Status returns what the client wants to be known about itself: it appears
	// in the status document under "server". It must be fit for JSON, hold no
	// secret, and answer at once. Nil: nothing.
	Status func() any

	// Refresh is called when somebody wants everything to be asked for anew,
	// before it is. It must answer at once. Nil: nothing.
	Refresh func()

	// Settings stands for all that makes this mount what it is, but for who logs in:
	// two mounts with the same are alike. It is in the status document, and must
	// not give away what it was made of. Empty: it is like no other.
	Settings string

	// Unasked mounts although it is not known whether the server shows Root to this login: for
	// what was mounted before, and is to be there again while the server is away. What
	// the server says then, who reads hears.
	Unasked bool

	// OnAccess is called with what the server says when it does not let this login see Root any
	// more, wrapping [secret.ErrDenied] or [secret.ErrUnauthenticated], before anybody is
	// answered, and with nil when it does again. It must return at once. Nil: nothing.
	OnAccess func(error)

	Volume string // what the mount is called where it has a name: in the status document, and with the keeper

	Keeper Keeper // nil: the service manager, if there is one

	// Hangup returns what SIGHUP does to the process: "end", "reload" or "ignored".
	// It appears in the status document. Nil: that is not said.
	Hangup func() string

	// Replace goes on with the live mount of ours at Mountpoint, which another process of
	// the same user serves, so that who uses it does not notice. Where there is none a new
	// one is made as usual.
	Replace bool

	// Away is why the server could not be asked who is meant and what by Root, which does
	// not count then: the mount is gone on with, if the process that serves it hands on what it knows, or
	// else this is the error. It is for Replace. Nil: the server was asked.
	Away error

	Debug   bool         // log each message of the kernel, without any content
	Log     *slog.Logger // nil: nothing is logged
	Version string       // of the program, for the status document
}

// Propagate says what a mount is where it propagates to, Propagation what became of that.
type (
	Propagate   = attach.Propagate
	Propagation = attach.Propagation
)

// Read-only wherever it propagates to, or writable there too.
const (
	PropagateRO = attach.PropagateRO
	PropagateRW = attach.PropagateRW
)

// Watch, KernelCache and Notify are those of the cache and the file system.
type (
	Watch       = cache.Watch
	KernelCache = fs.KernelCache
)

// Notify is full, attrib or off.
type Notify = fs.Notify

// NotifyFull tells watchers all that the owner and the modes of files allow.
const NotifyFull = fs.NotifyFull

// Validate reports the first thing that cannot be meant, without looking at the
// mountpoint or asking the server. The error is an *exitcode.Error.
func (c Config) Validate() error {
	switch {
	case c.Mountpoint == "":
		return exitcode.Errorf(exitcode.Config, "name a directory to mount on", "no mountpoint given")
	case c.Upstream == nil && c.Hub == nil:
		return exitcode.Errorf(exitcode.Config, "", "no server to mount")
	case min(c.Cache.TTL, c.Cache.MaxStale, c.Cache.SoftDeadline) < duration.None:
		return exitcode.Errorf(exitcode.Config, "use durations like 30s, 1m or 0", "a duration cannot be negative")
	case !slices.Contains([]Watch{"", cache.WatchUsed, cache.WatchAlways, cache.WatchOff}, c.Cache.Watch):
		return exitcode.Errorf(exitcode.Config, "use used, always or off", "%q says nothing about watching", c.Cache.Watch)
	case c.Cache.WatchFor < 0:
		return exitcode.Errorf(exitcode.Config, "use a duration like 1h", "a duration cannot be negative")
	case c.Cache.WatchInterval != 0 && c.Cache.WatchInterval < time.Second:
		return exitcode.Errorf(exitcode.Config, "use a second or more", "watching every %s is too often", c.Cache.WatchInterval)
	case !slices.Contains([]KernelCache{"", fs.CacheDefault, fs.CacheOff, fs.CacheFull}, c.FS.KernelCache):
		return exitcode.Errorf(exitcode.Config, "use default, off or full", "%q is no way of using the kernel's cache", c.FS.KernelCache)
	case c.FS.KernelCache == fs.CacheFull && !c.readOnly():
		return exitcode.Errorf(exitcode.Config, "add --read-only, or use --kernel-cache=default", "the kernel can answer everything from its cache only if nothing is written")
	case c.FS.KernelCache == fs.CacheFull && c.foreign():
		return exitcode.Errorf(exitcode.Config, "use --kernel-cache=default", "%s: who may read a file can only be checked if the kernel asks when it is opened", c.Mountpoint)
	case (c.FS.FileMode|c.FS.DirMode|c.ServerModes)&^0o777 != 0:
		return exitcode.Errorf(exitcode.Config, "use permission bits like 0400 or 0440", "a mode has only permission bits, 0000 to 0777")
	}
	if c.Propagate != "" && !c.Propagate.Known() {
		return exitcode.Errorf(exitcode.Config, "use ro or rw", "a mount cannot propagate as %q", string(c.Propagate))
	}
	if c.FS.Notify != "" && !c.FS.Notify.Known() {
		return exitcode.Errorf(exitcode.Config, "use full, attrib or off", "watchers cannot be told in the way %q", string(c.FS.Notify))
	}
	if _, err := c.views(); err != nil {
		return err
	}
	if err := validRoot(c.Root); err != nil {
		return err
	}
	return c.Layout.validate(c)
}

// foreign reports whether somebody else has made the mount.
func (c Config) foreign() bool {
	_, ok := attach.Descriptor(c.Mountpoint)
	return ok
}

// validRoot holds a Dir to the form that package secret promises to everybody.
func validRoot(d secret.Dir) error {
	switch {
	case d.Env != "" && d.Project == "":
		return exitcode.Errorf(exitcode.Config, "name the project too", "environment %q without a project", d.Env)
	case d.Path != "" && d.Env == "":
		return exitcode.Errorf(exitcode.Config, "name the environment too", "folder %q without an environment", d.Path)
	case d.Env != "" && (!strings.HasPrefix(d.Path, "/") || path.Clean(d.Path) != d.Path):
		return exitcode.Errorf(exitcode.Config, "start with a slash, end without one: /payments", "folder %q is not a clean path", d.Path)
	}
	return nil
}

// readOnly reports whether nothing can be written.
func (c Config) readOnly() bool { return c.ReadOnly || c.Writer == nil }

// logger returns a logger that can be used without asking.
func (c Config) logger() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

// source is the first column of the mount table. It is what a line of fstab
// names, so that mount -a knows the mount again and df tells two apart.
func source(root secret.Dir) string {
	if root == (secret.Dir{}) {
		return mounttable.SourceName
	}
	return strings.TrimPrefix(root.String(), "/")
}
