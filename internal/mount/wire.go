package mount

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/cache"
	"infisicalfs/fs"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/layout"
	"infisicalfs/internal/mount/internal/emitthread"
	"infisicalfs/internal/mount/internal/notifier"
	"infisicalfs/internal/mounttable"
	"infisicalfs/internal/rights"
	"infisicalfs/secret"
)

// rooms are what one mount is made of. Requests go down, from the kernel's
// server to the tree, the layout, the cache and the client; news goes up.
type rooms struct {
	root   secret.Dir
	cache  *cache.Cache
	layout *layout.Layout // hands on what it does not change
	tree   *fs.FS

	document   func() ([]byte, error) // the status, JSON; it asks nobody
	inTree     func() bool            // the mount is where it was made; set before serve
	reconsider func()                 // Config.Refresh, may be nil

	looks      sync.WaitGroup                    // for what appeared
	notifier   *notifier.Notifier                // nil before serve
	emitThread atomic.Pointer[emitthread.Thread] // nil while nothing is mounted, and without --notify
}

// retained is how much of what was fetched is kept, in bytes.
const retained = 256 << 20

// wire builds the rooms. Nothing runs and nobody is asked yet.
func wire(cfg Config, point string, since time.Time) *rooms {
	r := &rooms{root: cfg.Root, reconsider: cfg.Refresh, inTree: func() bool { return true }}
	r.document = func() ([]byte, error) { return r.status(cfg, point, since) }
	r.cache = cache.New(cfg.Upstream, r.cacheConfig(cfg))
	shape, _ := cfg.Layout.parse(cfg.Root) // Validate has seen its errors
	r.layout = layout.New(r.cache, shape, cfg.logger())
	r.tree = fs.New(r.treeConfig(cfg, since))
	return r
}

// cacheConfig is cfg.Cache with what leads to and from the other rooms.
func (r *rooms) cacheConfig(cfg Config) cache.Config {
	c := cfg.Cache
	c.Root, c.Raw, c.Log = cfg.Root, cfg.Raw, cfg.logger()
	if !cfg.readOnly() && !cfg.Raw {
		c.Stored = cfg.Writer.StoredBelow
	}
	c.MaxBytes = max(retained, int64(cfg.MaxSecrets)<<11)
	c.Held = func(dir secret.Dir) bool { return r.tree.Held(r.layout.Shown(dir)) }
	c.OnChange = r.apply // not before firstContact
	c.OnDependents = func(dirs []secret.Dir) {
		for _, dir := range dirs {
			r.tree.Touched(r.layout.Shown(dir))
		}
	}
	return c
}

// treeConfig is cfg.FS with what leads to and from the other rooms.
func (r *rooms) treeConfig(cfg Config, since time.Time) fs.Config {
	c := cfg.FS
	c.Source, c.Root, c.Raw, c.Log = r.layout.Source(), cfg.Root, cfg.Raw, cfg.logger()
	c.TTL, c.MountTime = cfg.Cache.TTL, since
	if !cfg.readOnly() {
		c.Writer = r.cache.Writer(cfg.Writer)
	}
	c.Refuses = cfg.refuses(r.layout)
	c.Links = cfg.Layout.Kind == "k8s"
	c.Views, _ = cfg.views() // was looked at by Validate
	if cfg.ServerModes != 0 {
		c.ServerRights = &rights.Server{Ceiling: cfg.ServerModes, Account: new(accounts).number}
	}
	c.OwnerUID, c.OwnerGID = uint32(os.Getuid()), uint32(os.Getgid())
	c.EmitThread, c.Status, c.Refresh = r.emit, r.document, r.refresh
	return c
}

// apply hands a change from the cache up.
func (r *rooms) apply(change secret.Change) {
	if above, ok := r.layout.Change(change); ok {
		r.tree.Apply(above)
	}
	for _, dir := range r.layout.Appeared(change) {
		r.looks.Go(func() { r.look(dir) }) // the cache waits for us, so not here
	}
}

// look tells of what is in a folder that appeared. If it cannot be asked for, who
// reads it will find it.
func (r *rooms) look(dir secret.Dir) {
	list, _ := r.layout.Look(secret.Background(context.Background()), dir)
	for _, change := range list {
		r.tree.Apply(change)
	}
}

// refresh makes everything stale, for us and for the kernel.
func (r *rooms) refresh() error {
	if r.reconsider != nil {
		r.reconsider()
	}
	r.cache.Expire()
	r.tree.Apply(secret.Change{Deep: true})
	return nil
}

// firstContact reads the root, so that a wrong name, a bad login or an absent
// server is said before anything is mounted. The first ls is served from it.
func (r *rooms) firstContact(ctx context.Context) error {
	f, err := r.cache.Folder(ctx, r.root, secret.NeedListing)
	if err == nil && len(f.Folders) == 0 {
		err = f.Denied // nothing to see and nowhere to go
	}
	return err
}

// serve takes over fd, on which the kernel waits, and prepares to answer it.
func (r *rooms) serve(fd int, cfg Config) (*fuse.Server, error) {
	options := r.tree.Options()
	options.MaxWrite = attach.MaxMessage
	options.FsName, options.Name = mounttable.SourceName, mounttable.Subtype
	options.Debug = cfg.Debug
	options.MountOptions.Logger = kernelLog(cfg.logger())
	r.notifier = notifier.New(fd)
	options.ServerCallbacks = r.notifier
	raw := r.notifier.Serve(fs.FailOutdatedGetattr(fusefs.NewNodeFS(r.tree.Root(), options)))
	return fuse.NewServer(raw, fmt.Sprintf("/dev/fd/%d", fd), &options.MountOptions)
}

// emit is how the tree has watchers told of changes.
func (r *rooms) emit(do func(root int)) error {
	p := r.emitThread.Load()
	if p == nil {
		return mounttable.ErrNotMounted
	}
	return p.Emit(do)
}

// watched begins to tell watchers at point, if that is wanted. left is called when
// the mount table no longer has the mount.
func (r *rooms) watched(cfg Config, point string, device int, left func()) {
	if cfg.FS.Notify == "" || cfg.FS.Notify == fs.NotifyOff || r.emitThread.Load().GoesOn() {
		return
	}
	p, err := emitthread.Start(point, device, cfg.logger(), left)
	if err != nil {
		cfg.logger().Warn("watchers will not be told of changes", "mountpoint", point, "error", err)
		return
	}
	r.emitThread.Store(p)
}

// unwatched returns when the thread that tells watchers is gone. The connection
// has ended, so nothing keeps it.
func (r *rooms) unwatched() {
	if p := r.emitThread.Load(); p != nil {
		<-p.Ended()
	}
}

func (r *rooms) close() {
	if p := r.emitThread.Load(); p != nil {
		p.Stop()
	}
	r.tree.Close()
	r.cache.Close()
	r.looks.Wait()
}

// status is the document in .infisicalfs/status, and what the control socket
// answers. It asks nobody.
func (r *rooms) status(cfg Config, point string, since time.Time) ([]byte, error) {
	s := Status{
		Schema:     statusSchema,
		PID:        os.Getpid(),
		Version:    cfg.Version,
		Mountpoint: point,
		Since:      since,
		Root:       cfg.Root.String(),
		ReadOnly:   cfg.readOnly(),
		Settings:   cfg.Settings,
		InTree:     r.inTree(),
		Cache:      r.cache.Stats(),
		FS:         r.tree.Counts(),
		Unlocked:   secret.Unlocked(),
		Goroutines: runtime.NumGoroutine(),
	}
	if cfg.Hangup != nil {
		s.Hangup = cfg.Hangup()
	}
	if cfg.Status != nil {
		server, err := json.Marshal(cfg.Status())
		if err != nil {
			return nil, fmt.Errorf("status of the server: %w", err)
		}
		s.Server = server
	}
	text, err := json.MarshalIndent(s, "", "  ")
	return append(PlainJSON(text), '\n'), err
}

// refuses returns what says why nothing may be made under a name: because it
// would not be shown, or because the server takes no such name.
func (c Config) refuses(l *layout.Layout) func(secret.Dir, string, bool) error {
	return func(dir secret.Dir, name string, folder bool) error {
		if err := l.LeavesOut(dir, name, folder); err != nil || folder || c.NewName == nil {
			return err
		}
		return c.NewName(name)
	}
}
