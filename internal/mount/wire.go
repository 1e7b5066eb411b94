package mount

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"infisicalfs/cache"
	"infisicalfs/fs"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/layout"
	"infisicalfs/internal/mount/internal/emitthread"
	"infisicalfs/internal/mount/internal/giveback"
	"infisicalfs/internal/mount/internal/journal"
	"infisicalfs/internal/mount/internal/kernelstate"
	"infisicalfs/internal/mount/internal/notifier"
	"infisicalfs/internal/mount/internal/session"
	"infisicalfs/internal/mounttable"
	"infisicalfs/internal/rights"
	"infisicalfs/secret"
)

// rooms are what one mount is made of. Requests go down, from the kernel's
// server to the tree, the layout, the cache and the client; changes go up.
type rooms struct {
	root    secret.Dir
	hub     *Hub           // nil: the mount has a cache of its own
	cache   *cache.Cache   // the hub's, if there is one
	source  secret.Source  // what the cache has at and below the root
	release func()         // lets go of the cache
	layout  *layout.Layout // hands on what it does not change
	tree    *fs.FS

	writable bool
	links    bool // secrets are links into generations
	// opensItself says that the kernel opens files without asking, and shows what it has of them.
	opensItself bool

	propagation Propagation // as it is mounted

	document   func() ([]byte, error) // the status, JSON; it asks nobody
	inTree     func() bool            // the mount is where it was made; set before serve
	reconsider func()                 // Config.Refresh, may be nil
	onAccess   func(error)            // Config.OnAccess, may be nil

	readsAhead sync.WaitGroup                     // goroutines that read folders that appeared
	kernel     *kernelstate.FS                    // the tree as the kernel knows it, by number; nil before serve
	journal    *journal.Journal                   // of what the kernel holds, for the next process; nil: there will be none. Set with kernel
	session    *session.Session                   // nil before serve
	notifier   *notifier.Notifier                 // nil before serve
	emitThread atomic.Pointer[emitthread.Emitter] // nil while nothing is mounted, and without --notify
}

// retained is how much of what was fetched is kept, in bytes.
const retained = 256 << 20

// wire builds the rooms. Nothing runs and nobody is asked yet.
func wire(cfg Config, point string, since time.Time) *rooms {
	giveback.Start()
	r := &rooms{root: cfg.Root, hub: cfg.Hub, reconsider: cfg.Refresh, onAccess: cfg.OnAccess, writable: !cfg.readOnly(), links: cfg.links(), opensItself: cfg.FS.KernelCache == fs.CacheFull, inTree: func() bool { return true }}
	r.propagation = attach.CanPropagate(cfg.Propagate)
	r.document = func() ([]byte, error) { return r.status(cfg, point, since) }
	if cfg.Hub != nil {
		part := cfg.Hub.cache.Part(cfg.Root, cfg.Cache.TTL, cfg.Cache.MaxStale)
		r.cache, r.source, r.release = cfg.Hub.cache, part, func() { cfg.Hub.leave(r); part.Close() }
	} else {
		c := cfg.cacheConfig()
		c.Held, c.OnChange, c.OnDependents = r.held, r.apply, r.touched // not before firstContact
		r.cache = cache.New(cfg.Upstream, c)
		r.source, r.release = r.cache, r.cache.Close
	}
	shape, _ := cfg.Layout.parse(cfg.Root) // Validate has seen its errors
	r.layout = layout.New(r.source, shape, cfg.logger())
	r.tree = fs.New(r.treeConfig(cfg, since))
	if cfg.Hub != nil {
		cfg.Hub.join(r)
	}
	return r
}

// cacheConfig is cfg.Cache with what follows from the rest, but for what leads to the
// other rooms.
func (cfg Config) cacheConfig() cache.Config {
	c := cfg.Cache
	c.Root, c.Raw, c.Log = cfg.Root, cfg.Raw, cfg.logger()
	if !cfg.readOnly() && !cfg.Raw {
		c.Stored = cfg.Writer.StoredBelow
	}
	c.MaxBytes = max(retained, int64(cfg.MaxSecrets)<<11)
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
	c.Links = r.links
	c.Views, _ = cfg.views() // was looked at by Validate
	c.ListedViews = cfg.ListedViews
	if cfg.ServerModes != 0 {
		c.ServerRights = &rights.Server{Ceiling: cfg.ServerModes, Account: new(accounts).number}
	}
	c.OwnerUID, c.OwnerGID = uint32(os.Getuid()), uint32(os.Getgid())
	c.EmitThread, c.Status, c.Refresh = r.emit, r.document, r.refresh
	if cfg.keepsJournal() {
		c.Note = r.note
	}
	return c
}

// held reports whether somebody holds what is shown of dir.
func (r *rooms) held(dir secret.Dir) bool { return r.tree.Held(r.layout.Shown(dir)) }

// touched is told which folders may show something else because of a change made here.
func (r *rooms) touched(dirs []secret.Dir) {
	for _, dir := range dirs {
		if r.root.Contains(dir) {
			r.tree.Touched(r.layout.Shown(dir))
		}
	}
}

// apply hands a change from the cache up.
func (r *rooms) apply(change secret.Change) {
	if r.onAccess != nil && (change.Dir == r.root || change.Deep && change.Dir.Contains(r.root)) && (change.Err != nil || change.New != nil) {
		r.onAccess(change.Err)
	}
	if above, ok := r.layout.Change(change); ok {
		r.tree.Apply(above)
	}
	for _, dir := range r.layout.Appeared(change) {
		r.readsAhead.Go(func() { r.readAppeared(dir) }) // the cache waits for us, so not here
	}
}

// readAppeared reads a folder that appeared and hands up what is in it as changes.
// If the folder cannot be read now, whoever reads it later gets it from the server.
func (r *rooms) readAppeared(dir secret.Dir) {
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
	r.forgetAll()
	return nil
}

// forgetAll has the kernel forget what it knows of names, values and dates.
func (r *rooms) forgetAll() { r.tree.Apply(secret.Change{Deep: true}) }

// contact is firstContact, if the server is to be asked at all before the mount is made.
func (r *rooms) contact(ctx context.Context, cfg Config) error {
	if cfg.Unasked {
		return nil
	}
	return r.firstContact(ctx)
}

// firstContact reads the root, so that a wrong name, a bad login or an absent
// server is said before anything is mounted. The first ls is served from it.
func (r *rooms) firstContact(ctx context.Context) error {
	f, err := r.source.Folder(ctx, r.root, secret.NeedListing)
	if err == nil && len(f.Folders) == 0 {
		err = f.Denied // nothing to see and nowhere to go
	}
	return err
}

// hasEstate is that of the configuration.
func (r *rooms) hasEstate() bool { return r.writable || r.links }

// note keeps what the tree wants another process to know if this one is killed.
func (r *rooms) note(name string, note []byte) {
	if r.journal != nil {
		_ = r.journal.Put(name, note) // a journal that is full is of no use to anybody, and says so
	}
}

// emit is how the tree has watchers told of changes.
func (r *rooms) emit(do func(root int)) error {
	p := r.emitThread.Load()
	if p == nil {
		return mounttable.ErrNotMounted
	}
	return p.Emit(do)
}

// startEmitThread begins to tell watchers at point, if that is wanted. left is called when
// the mount table no longer has the mount.
func (r *rooms) startEmitThread(cfg Config, point string, device int, left func()) {
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

// stopEmitThread ends the thread that tells watchers while the mount is answered.
func (r *rooms) stopEmitThread() {
	if p := r.emitThread.Load(); p != nil {
		p.Stop()
		<-p.Ended()
	}
}

// awaitEmitThread returns when the thread that tells watchers has ended. Call it when
// the connection has ended: until then the thread may go on.
func (r *rooms) awaitEmitThread() {
	if p := r.emitThread.Load(); p != nil {
		<-p.Ended()
	}
}

func (r *rooms) close() {
	if p := r.emitThread.Load(); p != nil {
		p.Stop()
	}
	r.tree.Close()
	r.release()
	r.readsAhead.Wait()
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
