package options

import (
	"time"

	"github.com/spf13/pflag"

	"infisicalfs/internal/duration"
	"infisicalfs/internal/mount"
)

// Freshness says how long the mount believes what it knows, how it hears of changes,
// and who is told of them.
type Freshness struct {
	ttl, maxStale, softDeadline time.Duration
	watch, kernelCache          string
	watchInterval, watchFor     time.Duration
	notify                      mount.Notify
}

// AddFlags declares the options' flags.
func (o *Freshness) AddFlags(f *pflag.FlagSet) {
	f.DurationVar(&o.ttl, "ttl", time.Minute, "how long an answer is used without asking again; 0: not at all")
	f.DurationVar(&o.maxStale, "max-stale", 15*time.Minute, "how long after that it may stand in for an unreachable server; 0: not at all")
	f.DurationVar(&o.softDeadline, "soft-deadline", time.Second, "how long to wait for the server when there is a stale answer")
	f.StringVar(&o.watch, "watch", "used", "poll folders for changes: used, those that were used within --watch-for; always; off")
	f.DurationVar(&o.watchInterval, "watch-interval", time.Minute, "time between two polls of a folder")
	f.DurationVar(&o.watchFor, "watch-for", time.Hour, "how long after its last use a folder is polled")
	f.StringVar(&o.kernelCache, "kernel-cache", "default", "what of values the kernel may keep: default; off; full, which reads without asking and wants --read-only")
	choose(f, &o.notify, "notify", "tell watchers (inotify) of changes by others: `full|attrib|off`", mount.NotifyFull, "attrib", "off")
}

// Apply copies the options into a mount's configuration.
func (o *Freshness) Apply(cfg *mount.Config) {
	cache := &cfg.Cache
	cache.TTL, cache.MaxStale, cache.SoftDeadline = duration.FromFlag(o.ttl), duration.FromFlag(o.maxStale), duration.FromFlag(o.softDeadline)
	cache.Watch, cache.WatchInterval, cache.WatchFor = mount.Watch(o.watch), o.watchInterval, o.watchFor
	cfg.FS.KernelCache, cfg.FS.Notify = mount.KernelCache(o.kernelCache), o.notify
}
