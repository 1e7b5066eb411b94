package options

import (
	"os"
	"time"

	"github.com/spf13/pflag"

	"infisicalfs/internal/mount"
)

// View says how the mount looks and how long it believes what it knows.
type View struct {
	ttl, maxStale, softDeadline time.Duration
	watch, kernelCache          string
	watchInterval, watchFor     time.Duration
	UID, GID                    uint32
	mode, dirMode               Mode
	notify                      notifyValue
	control                     Switch
	allowOther, Debug           bool
}

// AddFlags declares the options' flags.
func (o *View) AddFlags(f *pflag.FlagSet) {
	f.DurationVar(&o.ttl, "ttl", time.Minute, "how long an answer is used without asking again; 0: not at all")
	f.DurationVar(&o.maxStale, "max-stale", 15*time.Minute, "how long after that it may stand in for an unreachable server; 0: not at all")
	f.DurationVar(&o.softDeadline, "soft-deadline", time.Second, "how long to wait for the server when there is a stale answer")
	f.StringVar(&o.watch, "watch", "used", "poll folders for changes: used, those that were used within --watch-for; always; off")
	f.DurationVar(&o.watchInterval, "watch-interval", time.Minute, "time between two polls of a folder")
	f.DurationVar(&o.watchFor, "watch-for", time.Hour, "how long after its last use a folder is polled")
	f.StringVar(&o.kernelCache, "kernel-cache", "default", "what of values the kernel may keep: default; off; full, which reads without asking and wants --read-only")
	f.Uint32Var(&o.UID, "uid", uint32(os.Getuid()), "owner of what is shown, a `number`; you, if not given")
	f.Uint32Var(&o.GID, "gid", uint32(os.Getgid()), "group of what is shown, a `number`; yours, if not given")
	f.Lookup("uid").DefValue, f.Lookup("gid").DefValue = "", "" // in help and manual it is who mounts
	f.Var(&o.mode, "mode", "permission `bits` of files, octal (default 0600, read-only 0400)")
	f.Var(&o.dirMode, "dir-mode", "permission `bits` of directories, octal (default 0700, read-only 0500)")
	f.BoolVar(&o.allowOther, "allow-other", false, "let other users in, as far as owner and modes let them")
	o.notify = notifyValue(mount.NotifyFull)
	f.Var(&o.notify, "notify", "tell watchers (inotify) of changes by others: `full|attrib|off`")
	o.control = true
	f.Var(&o.control, "control", "have .infisicalfs at the mount's root, with the status and what could not be sent: `on|off`; status, unmount and rejected work either way")
	f.BoolVar(&o.Debug, "debug", false, "log each request and each kernel message, without values")
}

// Apply copies the options into a mount's configuration.
func (o *View) Apply(cfg *mount.Config) {
	cache := &cfg.Cache
	cache.TTL, cache.MaxStale, cache.SoftDeadline = literal(o.ttl), literal(o.maxStale), literal(o.softDeadline)
	cache.Watch, cache.WatchInterval, cache.WatchFor = mount.Watch(o.watch), o.watchInterval, o.watchFor
	fs := &cfg.FS
	fs.KernelCache, fs.Notify, fs.NoControl = mount.KernelCache(o.kernelCache), mount.Notify(o.notify), !bool(o.control)
	fs.UID, fs.GID = o.UID, o.GID
	fs.FileMode, fs.DirMode = uint32(o.mode), uint32(o.dirMode)
	cfg.AllowOther, cfg.Debug = o.allowOther, o.Debug
}

// literal is what a duration means as an option: zero is no time at all, where a
// configuration has its default.
func literal(d time.Duration) time.Duration {
	if d == 0 {
		return mount.None
	}
	return d
}
