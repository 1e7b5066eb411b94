// Package generation makes a folder look like a volume of Kubernetes: a secret is a
// link to ..data/NAME, and ..data is a link to a directory that holds one version
// of all secrets, a generation. A change makes another generation, to which ..data
// leads from then on; in one nothing ever changes. So who reads several files
// through one generation has them from one moment, and what looks out for a new
// ..data has something to see.
//
// Each folder has a [History], which is asked what is current and makes a new
// generation if what the folder has is no longer what the last one shows:
//
//	var history generation.History
//	g, err := history.Current(ctx, source)
//	data := g.Name // where ..data leads
//
// A generation holds its values for as long as anybody has it. Access to them may
// be revoked meanwhile: the [Source] hears of each generation before it has values,
// and revokes it when it has to.
//
// A process that goes on with the mount of another one is told the newest generation of each
// folder as a [Record], by name and fingerprint. If the folder still has the same, that is the
// current generation again, and nobody notices; else there is a new one, and of the old one
// only the name is known:
//
//	record, ok := history.Record()    // in the process that ends
//	history.Recall(record)            // in the next one
//
// Which inodes show all this, and what the kernel is
// told of a change, is for the file system.
package generation

import (
	"slices"
	"sync/atomic"
	"time"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/pagecache"
	"infisicalfs/secret"
)

// Data is the name of the link to the current generation. No secret's file has such
// a name: leading dots are escaped.
const Data = "..data"

// NameForm is how generations are called, as time.Format has it. They have the form
// that Kubernetes gives them, and one length.
const NameForm = "..2006_01_02_15_04_05.000000000"

// Target returns where the link leads that stands for the secret shown under that
// file name.
func Target(shown string) string { return Data + "/" + shown }

// Generation is one version of a folder's secrets. It is safe for concurrent use.
type Generation struct {
	Name string // of its directory
	Made time.Time
	snap atomic.Pointer[secret.Folder] // nil until it has values, and once they are revoked

	print atomic.Pointer[print] // nil until somebody has asked for its Record
}

// Shown returns what the generation shows, nil once it is revoked.
func (g *Generation) Shown() *secret.Folder { return g.snap.Load() }

// Revoke takes its values from the generation.
func (g *Generation) Revoke() { g.snap.Store(nil) }

// Betrays reports whether the generation shows a secret whose value snap, of the same
// folder, denies.
func (g *Generation) Betrays(snap *secret.Folder) bool {
	mine := g.snap.Load()
	return mine != nil && slices.ContainsFunc(snap.Secrets, func(s secret.Secret) bool {
		was, ok := mine.Secret(s.Name)
		return ok && s.Denied() && !was.Denied()
	})
}

// shows reports whether g is what snap shows. If so it lets go of the snapshot
// that it had, which is older.
func (g *Generation) shows(snap *secret.Folder) bool {
	mine := g.snap.Load()
	if mine == snap {
		return true
	}
	if mine == nil || !showsAlike(mine, snap) {
		return false
	}
	return g.snap.CompareAndSwap(mine, snap) || g.snap.Load() != nil // others may have done the same
}

// newer reports whether the server vouched for what g shows after it did for snap.
func (g *Generation) newer(snap *secret.Folder) bool {
	mine := g.snap.Load()
	return mine != nil && mine.Fetched.After(snap.Fetched)
}

// showsAlike reports whether two snapshots show the same secrets. Copies of one,
// as during an outage, are not looked through.
func showsAlike(a, b *secret.Folder) bool {
	return sameList(a.Secrets, b.Secrets) && sameList(a.Folders, b.Folders) ||
		slices.EqualFunc(a.Secrets, b.Secrets, func(s, t secret.Secret) bool {
			return filename.OfSecret(a, s.Name) == filename.OfSecret(b, t.Name) && pagecache.SameContent(&s, &t)
		})
}

// sameList reports whether two slices are one.
func sameList[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
