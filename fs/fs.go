// Package fs shows a [secret.Source] as a file system: one node type per kind
// of file, on top of go-fuse.
//
// A node knows which directory or secret it stands for and nothing else. Every
// operation asks the Source anew, so there is one cache, below the Source, and
// what the kernel remembers is bounded by the age of the snapshot it came from.
// What an open file shows is frozen at open: one version, or an error.
package fs

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/approvals"
	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/controldir"
	"infisicalfs/fs/internal/failurelog"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/folderqueue"
	"infisicalfs/fs/internal/generation"
	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/openfiles"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/ownchanges"
	"infisicalfs/fs/internal/permission"
	"infisicalfs/fs/internal/procend"
	"infisicalfs/fs/internal/tempname"
	"infisicalfs/fs/internal/unsent"
	"infisicalfs/fs/internal/workqueue"
	"infisicalfs/internal/rights"
	"infisicalfs/secret"
)

// FS is one file system. Mount its [FS.Root] with its [FS.Options].
type FS struct {
	cfg      Config
	log      *slog.Logger
	root     *dir
	opened   openfiles.Set
	notices  *workqueue.Queue[secret.Dir, outdated] // to the kernel and to watchers, of what has changed
	failures failurelog.Failures
	controls *controldir.Config // of .infisicalfs
	renames  inode.Renames      // which inode number a place has
	makers   procend.Lifetimes  // of those who decide what becomes of scratch files
	emitter  emitter            // of inotify events

	inheritedGenerations generation.Inherited[fusefs.StableAttr] // by the folder's node

	absences absences // what the kernel may still take for absent

	// For writing.
	own         ownchanges.Changes // what was changed through this mount
	overlay     overlay.Overlay    // what is only here
	drafts      drafts             // who has which secret open for writing
	folderQueue folderqueue.Queue  // for whoever changes a folder
	callers     caller.Processes
	bases       lostupdate.Bases
	denials     commit.Denials
	approvals   approvals.Requests
	committer   commit.Committer
	rejected    *unsent.Store                // shown in .infisicalfs/rejected
	writers     openfiles.List[*writeHandle] // scratch files' too
	writes      writes

	opens, reads atomic.Uint64
	lastRefusal  atomic.Pointer[string] // why something could not be written, with its path; the latest
	viewError    atomic.Pointer[string] // why a view could not be rendered, with its path; the latest

	rights        rights.Policy
	refusedRights failurelog.Once // which metadata asks for rights that it does not get

	names tempname.Names // which names are temporary

	life      context.Context // ends with Close
	end       context.CancelFunc
	followers sync.WaitGroup // what goes on in the background until then

	// known is set by the first request. Before it the kernel has nothing that
	// could be outdated, and go-fuse nobody to tell.
	known atomic.Bool
}

// EncodeName returns the file name that shows a folder, or a secret, that the server
// calls name. It is what a [rights.Rule] goes by, and a [View] with any other name could not
// be told from a secret.
func EncodeName(name string) string { return filename.Encode(name) }

// writes counts what was written, since the start.
type writes struct {
	sent, lost, failedReleases, killed atomic.Uint64
}

// New returns the file system that cfg describes. It asks the Source nothing.
func New(cfg Config) *FS {
	cfg = cfg.withDefaults()
	f := &FS{cfg: cfg, log: cfg.Log, rejected: newRejected(), names: tempname.Names{Dotfiles: cfg.Dotfiles}}
	f.rights = rights.Policy{Mount: rights.Attr{Mode: cfg.FileMode, UID: cfg.UID, GID: cfg.GID}, Rules: cfg.Rules, Server: cfg.ServerRights}
	f.life, f.end = context.WithCancel(context.Background())
	f.controls = f.control()
	f.notices = workqueue.New(f.invalidate)
	if cfg.Writer != nil {
		f.cfg.Writer = f.approvals.Writer(f.own.Writer(cfg.Writer))
	}
	f.committer = commit.Committer{
		Writer: f.cfg.Writer, Bases: &f.bases, Denials: &f.denials,
		Overwrite: cfg.Overwrite, Raw: cfg.Raw, PersonalReadOnly: cfg.PersonalReadOnly,
	}
	f.root = &dir{node: node{fs: f}}
	f.emitter = f.newEmitter()
	f.known.Store(cfg.Inherited != nil)
	if cfg.Note != nil {
		f.renames.Note(func(r inode.Record) { renamed(r, cfg.Note) })
	}
	return f
}

// Close ends what is only here: scratch files, covered secrets, rejected texts.
// Call it when the kernel has let go: it is told nothing any more.
func (f *FS) Close() {
	f.known.Store(false)
	f.end()
	f.followers.Wait()
	f.overlay.Drop(secret.Dir{}.Contains)
	f.rejected.Clear()
}

// background runs follow, which has to end with [FS.life].
func (f *FS) background(follow func()) { f.followers.Go(follow) }

// Root returns the node to mount. It can be mounted once.
func (f *FS) Root() fusefs.InodeEmbedder { return f.root }

// DirMode returns the permission bits that directories have.
func (f *FS) DirMode() uint32 { return f.cfg.DirMode }

// Options returns what the nodes need of go-fuse. The mount options in it
// are the caller's to fill in, but for ExtraCapabilities; default_permissions has to be among them,
// because the nodes leave the check of modes to the kernel, or [CheckPermissions] has to be applied.
func (f *FS) Options() *fusefs.Options {
	attr := inode.OfDir(f.cfg.Root)
	opts := &fusefs.Options{
		NullPermissions: true, // a mode of 0 is meant
		RootStableAttr:  &attr,
		ExternalNodeID:  true, // the inode number, which is the same in each process
		Logger:          slog.NewLogLogger(f.log.Handler(), slog.LevelWarn),
	}
	if f.cfg.Writer != nil {
		// Truncation comes with OPEN, so that it is part of what a handle does to
		// a secret; modes come without umask, because they tell programs' temporary
		// files from others.
		opts.ExtraCapabilities = fuse.CAP_ATOMIC_O_TRUNC | fuse.CAP_DONT_MASK
	}
	if absent := f.absenceTimeout(); absent > 0 {
		opts.NegativeTimeout = &absent
	}
	return opts
}

// CheckPermissions returns the file system as the kernel is to see it where that
// checks no modes. The nodes leave that to the kernel; see package permission. What
// the kernel would ask nobody about, [CacheFull], cannot be checked.
func CheckPermissions(raw fuse.RawFileSystem) fuse.RawFileSystem { return permission.Check(raw) }
