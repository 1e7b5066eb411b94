package volume

import (
	"cmp"
	"slices"
	"time"

	"infisicalfs/cache"
	"infisicalfs/client"
	"infisicalfs/internal/mount"
)

// State is how a volume does.
type State string

// The states of a volume.
const (
	Healthy State = "healthy" // it is mounted, and the server answers
	Stale   State = "stale"   // it is mounted, but the server does not answer, or nobody can log in
	Refused State = "refused" // it is mounted, but the server does not let its identity see the root
	Failed  State = "failed"  // somebody uses it, but it is not mounted
	Unused  State = "unused"  // nobody uses it
)

// States are all of them.
var States = []State{Healthy, Stale, Refused, Failed, Unused}

// Counts is what a Manager tells about all that it serves, for whoever watches over the service. It
// has no names of secrets and no values. What is counted never becomes less, also when volumes and identities end.
type Counts struct {
	Volumes    map[State]int // how many are in each state
	Files      FileCounts
	Server     ServerCounts
	Identities []IdentityCounts // of those that have a login now; in an order that stays
}

// FileCounts is what was done with the files of volumes.
type FileCounts struct {
	Opens, Reads uint64
	Errors       map[string]uint64 // failed operations, by name of the errno; absent names are not failures
	Unsent       int               // texts that would be lost if their mounts ended now
}

// ServerCounts is what servers were asked, and what became of it.
type ServerCounts struct {
	Answered    int64 // by what was asked for, or that it does not exist
	NotModified int64 // of the answered
	Denied      int64
	Limited     int64 // refused for the rate limit
	Failed      int64 // the server could not
	Unanswered  int64
	Logins      client.Logins

	Hits, Misses, Stale int64 // reads that were answered from what was known, by asking, and, because the server was away, by what was known before
	CacheBytes          int64 // kept now
}

// IdentityCounts is how one login does.
type IdentityCounts struct {
	Account
	Volumes    int       // that are read as it
	LastAnswer time.Time // of the server, that was no failure and no refusal; zero: never
	StaleSince time.Time // since when the server does not answer; zero: it does
	TokenEnds  time.Time // zero: not known
	Server     string    // its address
	CacheBytes int64
}

// Counts tells how all does. It asks no server and touches no mount.
func (m *Manager) Counts() Counts {
	var c Counts
	logins := m.identities.counts(&c)
	var live []*mount.Mount
	m.mu.Lock()
	c.Volumes = map[State]int{}
	for _, v := range m.volumes {
		who := logins[v.login()]
		c.Volumes[v.state(who)]++
		if who != nil && v.mount != nil {
			who.Volumes++
		}
	}
	c.Files.add(m.past)
	for mounted := range m.counted {
		live = append(live, mounted)
	}
	m.mu.Unlock()
	for _, mounted := range live {
		c.Files.addMount(mounted)
	}
	for _, who := range logins {
		c.Identities = append(c.Identities, *who)
	}
	slices.SortFunc(c.Identities, func(a, b IdentityCounts) int { return a.Account.compare(b.Account) })
	return c
}

// state is how v does, whose login is who, nil if it has none. [Manager.mu] is held.
func (v *volume) state(who *IdentityCounts) State {
	switch {
	case len(v.users) == 0:
		return Unused
	case v.mount == nil:
		return Failed
	case v.refused != nil:
		return Refused
	case who == nil || !who.StaleSince.IsZero():
		return Stale
	}
	return Healthy
}

// login is the account of v; of one with a name, that name.
func (v *volume) login() Account {
	switch {
	case v.account != nil:
		return *v.account
	case v.means != nil:
		return Account{Config: v.means.Identity}
	}
	return Account{}
}

func (a Account) compare(b Account) int {
	return cmp.Or(cmp.Compare(a.Config, b.Config), cmp.Compare(a.Identity, b.Identity), cmp.Compare(a.Subject, b.Subject),
		cmp.Compare(a.Method, b.Method), cmp.Compare(a.Audience, b.Audience), cmp.Compare(a.Organization, b.Organization))
}

// keepCounts has what a mount that has ended has counted go to the past.
func (m *Manager) keepCounts(ended *mount.Mount) {
	var c FileCounts
	c.addMount(ended)
	c.Unsent = 0
	m.mu.Lock()
	defer m.mu.Unlock()
	m.past.add(c)
	delete(m.counted, ended)
}

func (c *FileCounts) addMount(m *mount.Mount) {
	one := m.Counts()
	other := FileCounts{Opens: one.Opens, Reads: one.Reads, Errors: one.Errors}
	if one.Writes != nil {
		other.Unsent = len(one.Writes.Unsent)
	}
	c.add(other)
}

func (c *FileCounts) add(other FileCounts) {
	c.Opens += other.Opens
	c.Reads += other.Reads
	c.Unsent += other.Unsent
	if c.Errors == nil {
		c.Errors = map[string]uint64{}
	}
	for errno, n := range other.Errors {
		c.Errors[errno] += n
	}
}

// asked is who talks to a server.
type asked struct {
	client *client.Client
	hub    *mount.Hub // nil: it has none
}

// count has what who does be counted, until done is called, after its end.
func (l *identities) count(who asked) (done func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[who] = true
	return func() {
		c := who.say().counts()
		c.CacheBytes = 0
		l.mu.Lock()
		defer l.mu.Unlock()
		l.past.add(c)
		delete(l.asked, who)
	}
}

// said is what somebody who talks to a server tells of it.
type said struct {
	client client.Stats
	cache  cache.Stats
}

func (a asked) say() said {
	s := said{client: a.client.Stats()}
	if a.hub != nil {
		s.cache = a.hub.Stats()
	}
	return s
}

// counts adds what servers were asked, and returns how each login does.
func (l *identities) counts(c *Counts) map[Account]*IdentityCounts {
	known, all := map[Account]asked{}, map[asked]said{}
	l.mu.Lock()
	for name, who := range l.known {
		known[Account{Config: name}] = asked{who.client, who.hub}
	}
	for account, over := range l.handed {
		if who := over.identity; who != nil {
			known[account] = asked{who.client, who.hub}
		}
	}
	for who := range l.asked {
		all[who] = said{}
	}
	c.Server.add(l.past)
	l.mu.Unlock()
	for who := range all {
		all[who] = who.say()
		c.Server.add(all[who].counts())
	}
	logins := map[Account]*IdentityCounts{}
	for account, who := range known {
		s := all[who]
		logins[account] = &IdentityCounts{
			Account: account, Server: s.client.Server, LastAnswer: s.client.LastAnswer, TokenEnds: s.client.TokenEnds, StaleSince: s.cache.StaleSince, CacheBytes: s.cache.Bytes,
		}
	}
	return logins
}

// counts are those of which sums are made.
func (s said) counts() ServerCounts {
	asking, cached := s.client, s.cache
	return ServerCounts{
		Answered: asking.Total - asking.Denied - asking.Limited - asking.Failed, NotModified: asking.NotModified, Denied: asking.Denied,
		Limited: asking.Limited, Failed: asking.Failed - asking.Unanswered, Unanswered: asking.Unanswered, Logins: asking.Logins,
		Hits: cached.Hits, Misses: cached.Misses, Stale: cached.Stale, CacheBytes: cached.Bytes,
	}
}

func (c *ServerCounts) add(other ServerCounts) {
	c.Answered += other.Answered
	c.NotModified += other.NotModified
	c.Denied += other.Denied
	c.Limited += other.Limited
	c.Failed += other.Failed
	c.Unanswered += other.Unanswered
	c.Logins.Succeeded += other.Logins.Succeeded
	c.Logins.Refused += other.Logins.Refused
	c.Logins.Failed += other.Logins.Failed
	c.Hits += other.Hits
	c.Misses += other.Misses
	c.Stale += other.Stale
	c.CacheBytes += other.CacheBytes
}
