package cache

import "time"

// Stats is what a [Cache] did since it was made, for people who look at its
// state. It has no names of secrets and no values.
type Stats struct {
	Snapshots int   `json:"snapshots"` // folders whose content is retained
	Entries   int   `json:"entries"`   // those, and folders of which only a failure is remembered
	Bytes     int64 `json:"bytes"`     // estimate for all entries

	Hits    int64 `json:"hits"`    // calls answered from fresh snapshots
	Misses  int64 `json:"misses"`  // calls that needed a request, their own or another's
	Stale   int64 `json:"stale"`   // calls answered from stale snapshots
	Fetches int64 `json:"fetches"` // requests for one folder
	Trees   int64 `json:"trees"`   // bulk requests
	Surveys int64 `json:"surveys"` // requests for what values refer to
	Purges  int64 `json:"purges"`  // times that the server denied a folder, or everything

	Watch WatchStats `json:"watch"`

	LastError  *Failure  `json:"last_error,omitempty"`
	StaleSince time.Time `json:"stale_since,omitzero"` // zero: the server answers
}

// WatchStats is how folders are polled.
type WatchStats struct {
	Folders         int     `json:"folders"`          // that are polled
	Polls           int64   `json:"polls"`            // since the start; one may be for many folders
	IntervalSeconds float64 `json:"interval_seconds"` // between two polls of a folder, at present
}

// Failure is a request that failed. That something does not exist is an answer.
type Failure struct {
	At   time.Time `json:"at"`
	Op   string    `json:"op"` // "fetch" or "tree"
	Dir  string    `json:"dir"`
	Text string    `json:"text"`
}

// Stats returns the present state. It makes no request.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Snapshots, s.Entries, s.Bytes = c.store.snapshots, len(c.store.entries), c.store.bytes
	s.StaleSince = c.outage.since
	s.Watch.Polls, s.Watch.IntervalSeconds = c.watch.polls, c.watch.interval.Seconds()
	now := time.Now()
	for _, e := range c.store.entries {
		if c.watched(e, now) {
			s.Watch.Folders++
		}
	}
	return s
}

func (f *flight) failure(now time.Time) *Failure {
	op := "fetch"
	if f.bulk {
		op = "tree"
	}
	return &Failure{At: now, Op: op, Dir: f.dir.String(), Text: f.err.Error()}
}
