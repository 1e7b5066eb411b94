package cache

import (
	"container/list"
	"errors"
	"time"

	"infisicalfs/secret"
)

// entry is what the cache knows of one folder. [Cache.mu] guards it.
type entry struct {
	dir  secret.Dir
	used time.Time     // by a caller, or made
	elem *list.Element // its place in the order of use

	snap *secret.Folder // the last content, never marked Stale; may be nil
	born uint64         // of the flight that brought snap
	size int64          // estimate for entry and snap

	shown   bool      // to a caller, and did exist when it was asked for last
	lost    bool      // snap was taken away by a refusal
	vouched bool      // the folder's own list was given last, not refused: that it is empty can be believed
	checked time.Time // the server was asked for it last, whatever came of it
	probing bool      // whoever may hold it is being asked
	apart   bool      // bulk answers do not tell of it: it is too deep, or empty on a server of 2024

	// What changes of our own did to snap, until the server is asked again.
	aged  bool // it is not fresh, but may be shown in an outage
	void  bool // it must not be shown: something in it is known to be wrong
	holes bool // a name was taken out of it, under which an import may have come forth

	refers  bool    // aged, because something in it refers to what was changed
	touches []touch // changes that something in it may refer to
	refs    *shown  // what it refers to, as far as that was worked out
	answer  uint64  // the number of the flight that brought snap

	refusal      error // ErrNotFound or ErrDenied, as the server said
	refusedUntil time.Time

	// slow rests while the folder's list, for which a caller has waited in vain, is
	// not waited for again: changes of our own make it worthless and have it asked
	// for anew, each time, and all else is answered as quickly as ever.
	slow backoff

	failure  error // of the last flight
	failedAt time.Time
	retry    backoff
}

// slowFor is how long stale snapshots of a folder are shown without waiting, if its
// list has taken too long. It is asked for all the same, one request at a time.
const slowFor = 10 * time.Second

// refused returns the refusal that the server gave a short while ago.
func (e *entry) refused(now time.Time) error {
	if e.refusal != nil && now.Before(e.refusedUntil) {
		return e.refusal
	}
	return nil
}

// forgetAbsence is called when a change of our own has put something there.
func (e *entry) forgetAbsence() {
	if errors.Is(e.refusal, secret.ErrNotFound) {
		e.refusal, e.refusedUntil = nil, time.Time{}
	}
	e.failure, e.failedAt = nil, time.Time{}
}

// fail remembers that a flight did not get through.
func (e *entry) fail(now time.Time, err error) {
	e.failure, e.failedAt = err, now
	e.retry.fail(now)
}

// forgetErrors leaves only the content.
func (e *entry) forgetErrors() {
	e.refusal, e.refusedUntil = nil, time.Time{}
	e.failure, e.failedAt = nil, time.Time{}
	e.retry = backoff{}
}

// fresh reports whether e's snapshot may be believed without a request.
func (c *Cache) fresh(e *entry, now time.Time) bool {
	return c.young(e, now) && len(e.touches) == 0
}

// touched reports whether e's snapshot may show what was changed since.
func (e *entry) touched() bool { return e.aged || len(e.touches) > 0 }

// young reports whether nothing is known that speaks against e's snapshot.
func (c *Cache) young(e *entry, now time.Time) bool {
	return e.snap != nil && !e.aged && !e.void && e.born >= c.expired && now.Before(e.snap.Fetched.Add(c.cfg.TTL))
}

// enough reports whether folder serves the need. Without subfolders it serves
// only who comes back for a proof if the entry is missing.
func (c *Cache) enough(folder *secret.Folder, need secret.Need) bool {
	switch need {
	case secret.NeedProof:
		return !folder.Partial && !folder.NoSubfolders
	case secret.NeedListing:
		return !folder.NoSubfolders
	default:
		return !folder.NoSubfolders || folder.Partial
	}
}

// silent reports whether e's snapshot may be empty because the folder is refused:
// bulk answers leave that out.
func (e *entry) silent() bool {
	return e.dir.IsFolder() && e.snap.Partial && len(e.snap.Secrets) == 0 && !e.vouched
}

// show returns e's snapshot if it serves the need: as it is while it is fresh,
// marked Stale while it may stand in for an unreachable server, else nil.
func (c *Cache) show(e *entry, need secret.Need, now time.Time) *secret.Folder {
	switch {
	case e.snap == nil || e.void || !c.enough(e.snap, need):
		return nil
	case (e.holes || e.silent()) && need != secret.NeedEntry:
		return nil
	case c.fresh(e, now):
		return e.snap
	case now.Before(e.snap.Fetched.Add(c.cfg.TTL + c.cfg.MaxStale)):
		return e.snap.With(func(f *secret.Folder) { f.Stale = true })
	}
	return nil
}

// known returns the snapshot on which the next request for e's folder may be
// conditional, or nil to ask in full.
func (c *Cache) known(e *entry, need secret.Need, now time.Time) *secret.Folder {
	s := e.snap
	switch {
	case s == nil || e.void || e.holes || e.refers || len(e.touches) > 0:
		return nil
	case s.NoSubfolders && need != secret.NeedProof && c.fresh(e, now):
		return s // they alone will be asked for
	case s.Partial || s.NoSubfolders:
		return nil // there is nothing that the server could confirm
	case now.Sub(s.Answered) > c.cfg.TrustNotModified:
		return nil
	}
	return s
}
