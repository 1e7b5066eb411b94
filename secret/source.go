package secret

import "context"

// Source yields folders. The file system reads from one, the cache is one and
// needs one, the client is one, and so is every wrapper: the conformance test
// that all of them pass is in package secrettest.
//
// An error is not an absence: a Source returns [ErrNotFound] only if the server
// said that dir does not exist. It is safe for concurrent use, returns when ctx
// ends, and the caller may keep what it returns.
type Source interface {
	Folder(ctx context.Context, dir Dir, need Need) (*Folder, error)
}

// Need says what the caller is going to do with a folder, so that a Source that
// has several snapshots, or none, can choose the cheapest request that is good
// enough.
type Need uint8

const (
	// NeedEntry: one entry is wanted. Any snapshot that has it will do.
	NeedEntry Need = iota
	// NeedListing: all entries are wanted, and probably those of the folders
	// below as well (ls -R, find, grep -r).
	NeedListing
	// NeedProof: an entry is missing from the snapshot at hand, and the answer
	// must not be [Folder.Partial], so that the absence can be believed.
	NeedProof
	// NeedFolder: an entry is wanted that is likely to be a folder, as on the way to
	// something below. The snapshot may have [Folder.NoSecrets]; who misses an entry in that
	// comes back with NeedEntry.
	NeedFolder
)

// Prover is a Source to which it is cheaper to be right about one name than about
// all.
type Prover interface {
	Source

	// Prove returns a snapshot of dir that is the whole truth about what is called
	// name there: if it has none, there is none. It may be Partial because of other
	// names, and is Denied if what is refused could have this one.
	Prove(ctx context.Context, dir Dir, name string) (*Folder, error)
}

// Keeper is a Source that keeps answers for a while.
type Keeper interface {
	Source

	// Fresh returns what Folder would return at once and without a request: a snapshot
	// that is neither Stale nor Denied; nil if there is none. It does not wait.
	Fresh(dir Dir, need Need) *Folder
}

// Upstream is a Source that asks the server each time and can be asked in the
// ways that save requests. The cache needs one; the client is one.
type Upstream interface {
	Source

	// Fetch asks the server for dir. A snapshot of dir that is known already
	// makes the request conditional: if the server says that nothing changed,
	// the answer has known's content with Fetched renewed. If only
	// known's subfolders are missing (NoSubfolders), only they are asked for, and so with
	// its secrets (NoSecrets); what was known stays as old as it is. One without a Revision
	// makes the request conditional on nothing, and tells what the folder had.
	Fetch(ctx context.Context, dir Dir, known *Folder) (*Folder, error)

	// Tree asks for dir and everything below it in a handful of requests. The
	// answer's folders are Partial. It fails with [ErrInexact] where the
	// server's bulk answer would not be the truth: then ask folder by folder.
	//
	// Folders of one earlier answer for the same dir, all of one Revision, make
	// the requests conditional: if the server says that nothing changed, the
	// answer is just those, with Fetched renewed.
	Tree(ctx context.Context, dir Dir, known []*Folder) ([]*Folder, error)

	// Folders asks, in one request, for dir and all folders below it without their secrets:
	// the answer's folders are Partial and have NoSecrets. It fails with [ErrInexact] where the
	// server cannot tell, or would not tell the truth.
	Folders(ctx context.Context, dir Dir) ([]*Folder, error)

	// Crowded reports whether the server's rate limit is being used up by others
	// than this Upstream, so that who asks without need should ask less often.
	// It makes no request.
	Crowded() bool
}

// Change is what became of a folder. It travels up, from whoever noticed it to whoever
// shows the folder. Who gets it must not change what it points to.
type Change struct {
	Dir  Dir
	Deep bool // everything below Dir has changed as well
	// Err is set when what was shown may not be shown any longer: it wraps
	// [ErrDenied] or [ErrUnauthenticated]. Nil: the content changed.
	Err      error
	Old, New *Folder // before and after, where known
	// Names, if it is not nil, says where Old and New may differ at all: in secrets
	// and subfolders of these names. So a small change in a large folder is small
	// work for whoever hears of it.
	Names []string
	// Gone are those of Names that certainly stand for nothing in New any more, although it
	// is [Folder.Partial]: they were removed here, and the folder has no imports under which one
	// of the same name could come forth.
	Gone []string
}

type backgroundKey struct{}

// Background marks work that nobody waits for, such as a refresh behind a stale
// answer, so that it leaves room in the rate budget for people who wait.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

// IsBackground reports whether ctx was marked by [Background].
func IsBackground(ctx context.Context) bool {
	marked, _ := ctx.Value(backgroundKey{}).(bool)
	return marked
}
