package volume

import (
	"cmp"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"infisicalfs/cache"
	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/systemd"
	"infisicalfs/secret"
)

// Config says where volumes are kept and who they are of. StateDir is required, BaseDir and Login
// are for volumes with names ([Manager.Create]), LoginAs is for those at paths of the caller's
// ([Manager.Publish]).
type Config struct {
	// BaseDir has the mountpoints. It is made, and made a mount of its own that is shared, so
	// that containers which bind it, or what is in it, as "rslave" get what is mounted later.
	BaseDir string
	// StateDir has the list of volumes. It is made, for the user alone. One Manager at a
	// time uses it.
	StateDir string

	// Login returns what to talk to a server with, as an identity of the configuration file,
	// or, for the empty name, as that of the service. It reads credentials, and asks no server. It is
	// called once for each identity that a volume names, and again if it fails.
	Login func(identity string) (Login, error)

	// LoginAs returns what to talk to a server with as an account whose credential comes with
	// its volumes. Credential returns the newest one for each login, or an error that counts as
	// an outage. LoginAs asks no server. It is called when the first volume of the
	// account is published, again if it fails, and at [Manager.Reload].
	LoginAs func(account Account, credential func() (secret.Value, error)) (client.Config, error)

	// Cache is how long answers hold, and how changes are heard of. Volumes may have
	// shorter times (ttl, max-stale). TTL and MaxStale: zero means the cache's default.
	Cache cache.Config

	// Keeper keeps what the next process of the service needs; nil: the service manager, if there is one.
	Keeper mount.Keeper

	// Legacies is what an earlier process of the same service has left, by the names of volumes, and Left what
	// there is besides, see [mount.ReceiveLegacies]. Open goes on with those, or gives them up. Left is needed
	// for volumes whose credentials are handed in, and closed.
	Legacies map[string]*mount.Legacy
	Left     []systemd.Descriptor

	MaxVolumes int          // default 10,000
	Version    string       // of the program, for status documents
	Log        *slog.Logger // nil: nothing is logged
}

// Login is how to log in, and as whom.
type Login struct {
	client.Config
	// Identity names who it is, the same each time, without being secret. If it is not known the
	// next process does not go on with the volumes, but mounts them anew.
	Identity string
}

// withDefaults checks cfg and fills in what its zero values mean.
func (cfg Config) withDefaults() (Config, error) {
	if cfg.StateDir == "" || (cfg.BaseDir == "" || cfg.Login == nil) && cfg.LoginAs == nil {
		return cfg, exitcode.Errorf(exitcode.Config, "", "volumes want a base directory, a state directory and a log-in")
	}
	var err, other error
	if cfg.BaseDir != "" {
		cfg.BaseDir, err = filepath.Abs(cfg.BaseDir)
	}
	cfg.StateDir, other = filepath.Abs(cfg.StateDir)
	if err := errors.Join(err, other); err != nil {
		return cfg, exitcode.Errorf(exitcode.Config, "give absolute paths", "%w", err)
	}
	cfg.Cache.TTL = cmp.Or(cfg.Cache.TTL, time.Minute)
	cfg.Cache.MaxStale = cmp.Or(cfg.Cache.MaxStale, 15*time.Minute)
	cfg.MaxVolumes = cmp.Or(cfg.MaxVolumes, 10_000)
	if cfg.Keeper == nil {
		cfg.Keeper = mount.ServiceManager{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return cfg, nil
}
