package cache

import (
	"context"
	"log/slog"
	"time"

	"infisicalfs/internal/duration"
	"infisicalfs/secret"
)

// Config is how a [Cache] behaves. The zero value of each field means its default, a
// negative duration ([duration.None]) means none at all; but WatchInterval is a second at
// least.
type Config struct {
	// Root is what the mount shows: no bulk request (Upstream.Tree) is made for what is above it.
	Root secret.Dir
	// Parts: nobody asks the Cache itself. Several share it, each by a [Part] with a root
	// of its own, and Root counts for nothing.
	Parts bool
	// TTL is how long a snapshot is believed without a request. Default 1 min.
	TTL time.Duration
	// MaxStale is how long, past its TTL, a snapshot may stand in for a server
	// that cannot be reached; unused ones are dropped after the same time.
	// Default 15 min.
	MaxStale time.Duration
	// SoftDeadline is how long callers wait for the server when a stale
	// snapshot could be shown instead. Default 1 s.
	SoftDeadline time.Duration
	// TrustNotModified is how long the server's "not modified" is enough; past
	// it the folder is asked for in full. Default 15 min.
	TrustNotModified time.Duration
	// MaxBytes bounds what is retained, by estimate: names, values, overhead.
	// The folders that were not used for longest go first. Default 256 MiB.
	MaxBytes int64
	// Watch says which folders are polled in the background. Default WatchUsed.
	Watch Watch
	// WatchInterval is the time between two polls of a folder, as long as others
	// leave enough of the server's rate limit. Default 1 min.
	WatchInterval time.Duration
	// WatchFor is how long after its last use a folder is polled with WatchUsed.
	// Default 1 h.
	WatchFor time.Duration
	// Held is asked whether somebody still holds what was shown of a folder,
	// before it is given up because it was not used for WatchFor: held counts as
	// used. It may take its time, as no lock is held. Nil: nobody does.
	Held func(secret.Dir) bool
	// Stored asks for all secrets at and below a folder as they are stored, see
	// [secret.Writer]. With it the cache finds out which of the values that it has
	// refer to what is changed through its Writer. Nil: nothing is changed, or Raw.
	Stored func(context.Context, secret.Dir) ([]secret.Secret, error)
	// OnDependents is called by a change of ours, before it returns, with the folders
	// that may show something which depends on what was changed: what is kept of their
	// files shall be asked for again. It must wait for nothing that a caller may be
	// waiting for. OnChange comes as well, but behind.
	OnDependents func([]secret.Dir)
	// Raw: values are shown as they are stored.
	Raw bool
	// OnChange is told of changes, one at a time and in the order in which they came
	// about, but for a revocation: a denial (Change.Err), or a value that is hidden
	// from now on. That overtakes the rest, so there may be a second call at the same
	// time; callers who are denied wait for its return, and it must not ask the cache
	// for folders. Calls about other changes may. No lock is held. OnChange must not
	// call Close, and may be called once more while that returns.
	OnChange func(secret.Change)
	// Log gets what operators should know. Default: nothing is logged.
	Log *slog.Logger
}

// Watch says which folders are asked for again without a caller. Lists of
// projects and environments never are.
type Watch string

const (
	// WatchUsed: those that were used within WatchFor, or are held.
	WatchUsed Watch = "used"
	// WatchAlways: all that were ever used.
	WatchAlways Watch = "always"
	// WatchOff: none. There are no requests without a caller.
	WatchOff Watch = "off"
)

const (
	// forever is longer than a process lives.
	forever = 100 * 365 * 24 * time.Hour
	// maxWatchInterval bounds how much a contended rate limit slows polling down.
	maxWatchInterval = 15 * time.Minute
	// limitWindow is how long servers count requests: what is asked less often shows then.
	limitWindow = time.Minute
	// denialMemory keeps a loop over what is denied from spending the request
	// budget, which is about one request a second.
	denialMemory = 10 * time.Second
	// failureMemory is how long callers without a snapshot get the last error
	// instead of a request of their own.
	failureMemory = time.Second
	// inexactMemory: what makes bulk answers inexact (an import, an unresolved
	// reference) rarely goes away within minutes.
	inexactMemory = 15 * time.Minute
	// maxEntries bounds the number of folders, with or without content.
	maxEntries = 50_000
	// maxEnvironments bounds the notes about bulk requests.
	maxEnvironments = 1_000
)

func (cfg Config) withDefaults() Config {
	cfg.TTL = duration.OrDefault(cfg.TTL, time.Minute)
	cfg.MaxStale = duration.OrDefault(cfg.MaxStale, 15*time.Minute)
	cfg.SoftDeadline = duration.OrDefault(cfg.SoftDeadline, time.Second)
	cfg.TrustNotModified = duration.OrDefault(cfg.TrustNotModified, 15*time.Minute)
	if cfg.Watch == "" {
		cfg.Watch = WatchUsed
	}
	if cfg.WatchInterval <= 0 {
		cfg.WatchInterval = time.Minute
	}
	cfg.WatchFor = duration.OrDefault(cfg.WatchFor, time.Hour)
	cfg.WatchInterval = max(cfg.WatchInterval, time.Second) // or a server would be flooded
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = 256 << 20
	}
	if cfg.OnChange == nil {
		cfg.OnChange = func(secret.Change) {}
	}
	if cfg.OnDependents == nil {
		cfg.OnDependents = func([]secret.Dir) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return cfg
}
