package cache

import (
	"container/list"
	"errors"
	"time"

	"infisicalfs/cache/internal/refgraph"
	"infisicalfs/secret"
)

// entry is what the cache knows of one folder. [Cache.mu] guards it. What its
// snapshot is worth is in stale.go.
type entry struct {
	dir  secret.Dir
	used time.Time     // by a caller, or made
	elem *list.Element // of the order of use

	snap   *secret.Folder // the last content, never marked Stale; may be nil
	born   uint64         // of the flight that brought snap
	flight uint64         // its number
	size   int64          // estimate for entry and snap

	shown         bool      // to a caller, and did exist when it was asked for last
	revoked       bool      // snap was taken away by a denial
	ownList       bool      // the folder's own list was given last, not denied: that it is empty can be believed
	asked         time.Time // the server, for this folder, whatever came of it
	askingHolders bool      // it is being found out who holds it
	notInBulk     bool      // bulk answers do not tell of it: it is too deep, or empty on a server of 2024

	// What changes of our own did to snap, until the server is asked again.
	suspect   bool // it is not fresh, but may be shown in an outage
	invalid   bool // it must not be shown: something in it is known to be wrong
	holes     bool // a name was taken out of it, under which an import may have come forth
	dependent bool // suspect, because something in it refers to what was changed

	unclear []refgraph.Change // changes that something in it may refer to
	refs    *refgraph.Shown   // what it refers to, as far as that was worked out

	verdict      error     // ErrNotFound or ErrDenied, as the server said
	verdictUntil time.Time // when it is asked again

	// slow rests while the folder's list, for which a caller has waited in vain, is
	// not waited for again: changes of our own make it worthless and have it asked
	// for anew, each time, and all else is answered as quickly as ever.
	slow backoff

	failure  error // of the last flight
	failedAt time.Time
	retry    backoff
}

// changedHere reports whether e's snapshot may show what was changed here since.
func (e *entry) changedHere() bool { return e.suspect || len(e.unclear) > 0 }

// maybeDenied reports whether e's snapshot may be empty because the folder is
// denied: bulk answers leave that out. It is not where there is nothing to deny.
func (e *entry) maybeDenied() bool {
	return e.dir.IsFolder() && e.snap.Partial && len(e.snap.Secrets) == 0 && !e.snap.NeverHadSecrets && !e.ownList
}

// recentVerdict returns the verdict that the server gave a short while ago, if it holds;
// that something does not exist, for sooner less long.
func (e *entry) recentVerdict(now time.Time, sooner time.Duration) error {
	if errors.Is(e.verdict, secret.ErrNotFound) {
		now = now.Add(sooner)
	}
	if e.verdict != nil && now.Before(e.verdictUntil) {
		return e.verdict
	}
	return nil
}

// forgetAbsence is called when a change of our own has put something there.
func (e *entry) forgetAbsence() {
	if errors.Is(e.verdict, secret.ErrNotFound) {
		e.verdict, e.verdictUntil = nil, time.Time{}
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
	e.verdict, e.verdictUntil = nil, time.Time{}
	e.failure, e.failedAt = nil, time.Time{}
	e.retry = backoff{}
}
