package options

import (
	"time"

	"github.com/spf13/pflag"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount"
)

// Change says what may be changed, and what is shown of values that are
// more than a text: references, and a person's own overrides.
type Change struct {
	readOnly, overwrite bool
	expand, personal    bool
	writeWait           time.Duration
	scratchFor          time.Duration
	dotfiles            string
}

// AddFlags declares the options' flags.
func (o *Change) AddFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.readOnly, "read-only", false, "refuse all changes")
	f.BoolVar(&o.overwrite, "overwrite", false, "the last writer wins, also over changes by others and over references")
	f.BoolVar(&o.expand, "expand", true, "show references expanded; with --expand=false they can be edited")
	f.BoolVar(&o.personal, "personal", true, "show a user's own overrides; with --personal=false shared values, which can be written")
	f.DurationVar(&o.scratchFor, "scratch-for", 30*time.Second, "how long a new file that may be a program's temporary is not sent after its last close, while its maker runs")
	f.StringVar(&o.dotfiles, "dotfiles", "scratch", "what new files with a leading dot are but for credentials such as .npmrc: `scratch|secret`")
	f.DurationVar(&o.writeWait, "write-wait", 90*time.Second, "how long a change waits when the server's rate limit is reached")
}

// ApplyToClient copies the options into a client's configuration.
func (o *Change) ApplyToClient(cfg *client.Config) error {
	if err := o.Check(); err != nil {
		return err
	}
	cfg.RawReferences, cfg.SharedOnly, cfg.WriteWait = !o.expand, !o.personal, o.writeWait
	return nil
}

// Apply copies the options into the configuration of a mount that writes to c.
// Whether it is a person's login remains to be seen.
func (o *Change) Apply(cfg *mount.Config, c *client.Client) {
	cfg.Writer, cfg.ReadOnly, cfg.FS.Overwrite = c, o.readOnly, o.overwrite
	cfg.NewName = c.NewName
	cfg.Raw, cfg.FS.PersonalReadOnly = !o.expand, o.personal
	cfg.FS.ScratchFor, cfg.FS.Dotfiles = o.scratchFor, o.dotfiles == "secret"
}

// Check says what is wrong with the options.
func (o *Change) Check() error {
	switch {
	case o.writeWait <= 0:
		return exitcode.Errorf(exitcode.Config, "use a duration like 90s", "--write-wait must be positive")
	case o.scratchFor <= 0:
		return exitcode.Errorf(exitcode.Config, "use a duration like 30s", "--scratch-for must be positive")
	case o.dotfiles != "scratch" && o.dotfiles != "secret":
		return exitcode.Errorf(exitcode.Config, "use --dotfiles=scratch or --dotfiles=secret", "unknown --dotfiles=%s", o.dotfiles)
	}
	return nil
}
