package options

import (
	"os"

	"github.com/spf13/pflag"

	"infisicalfs/internal/mount"
)

// Access says whose the files are, and who is let in.
type Access struct {
	UID, GID      uint32
	mode, dirMode Mode
	chmod         List
	serverModes   Mode
	allowOther    bool
	propagate     mount.Propagate
}

// AddFlags declares the options' flags.
func (o *Access) AddFlags(f *pflag.FlagSet) {
	f.Uint32Var(&o.UID, "uid", uint32(os.Getuid()), "owner of what is shown, a `number`; you, if not given")
	f.Uint32Var(&o.GID, "gid", uint32(os.Getgid()), "group of what is shown, a `number`; yours, if not given")
	f.Lookup("uid").DefValue, f.Lookup("gid").DefValue = "", "" // in help and manual it is who mounts
	f.Var(&o.mode, "mode", "permission `bits` of files, octal (default 0600, read-only 0400)")
	f.Var(&o.dirMode, "dir-mode", "permission `bits` of directories, octal (default 0700, read-only 0500)")
	f.Var(&o.chmod, "chmod", "`PATTERN=MODE,OWNER:GROUP` of files that differ, such as 'tls/*.key=0400,postgres'; can be repeated, the last that matches counts")
	f.Var(&o.serverModes, "server-modes", "let fs.mode, fs.owner and fs.group in a secret's metadata say whose its file is, with these permission `bits` at most")
	f.BoolVar(&o.allowOther, "allow-other", false, "let other users in, as far as owner and modes let them")
	choose(f, &o.propagate, "propagate", "what the mount is where it propagates to, as in containers with rslave: `ro|rw`; here it is writable either way",
		mount.PropagateRO, mount.PropagateRW)
}

// Apply copies the options into a mount's configuration.
func (o *Access) Apply(cfg *mount.Config) error {
	fs := &cfg.FS
	fs.UID, fs.GID = o.UID, o.GID
	fs.FileMode, fs.DirMode = uint32(o.mode), uint32(o.dirMode)
	cfg.AllowOther, cfg.ServerModes = o.allowOther, uint32(o.serverModes)
	cfg.Propagate = o.propagate
	for _, text := range o.chmod {
		rule, err := mount.ParseRule(text)
		if err != nil {
			return err
		}
		fs.Rules = append(fs.Rules, rule)
	}
	return nil
}
