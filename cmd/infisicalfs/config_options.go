package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"infisicalfs/internal/config"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/options"
)

// systemConfig is for everybody on this machine.
const systemConfig = "/etc/infisicalfs/config.yaml"

// configOptions say which configuration files to read, and which of their
// identities to be.
type configOptions struct {
	file, identity string

	flags *pflag.FlagSet   // what apply has set flags of, nil before
	used  []config.Setting // what it has set them to

	passedOver []string // default files that cannot be reached
	silent     bool     // that is not said
}

// AddFlags declares the options' flags.
func (o *configOptions) AddFlags(f *pflag.FlagSet) {
	o.addFile(f)
	f.StringVar(&o.identity, "identity", "", "identity of the configuration file to be: its `name`")
}

// addFile declares the flag of those that are nobody, and only look up a mount.
func (o *configOptions) addFile(f *pflag.FlagSet) {
	f.StringVar(&o.file, "config", "", "configuration `file` to read (default: yours, then "+systemConfig+")")
}

// paths are the files to read. What the first one names it decides: a person's
// own file wins over the system's, as with ssh and git.
func (o *configOptions) paths(lookup func(string) (string, bool)) []string {
	if o.file != "" {
		return []string{o.file}
	}
	dir, _ := lookup("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) { // a relative one is invalid, says the XDG specification
		dir = ""
		if home, _ := lookup("HOME"); filepath.IsAbs(home) {
			dir = filepath.Join(home, ".config")
		}
	}
	if dir == "" {
		return []string{systemConfig}
	}
	return []string{filepath.Join(dir, "infisicalfs", "config.yaml"), systemConfig}
}

// requireConfig refuses a file that was named and is not there, also where nothing
// would be looked up in it: who names one thinks that it counts.
func requireConfig(flags *pflag.FlagSet) error {
	f := flags.Lookup("config")
	if f == nil || f.Value.String() == "" {
		return nil
	}
	path, source := options.ValueOf(f, os.LookupEnv)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return nil // what else may be wrong with it shows when it is read
	}
	if source == "flag" {
		return noConfig(path)
	}
	return exitcode.Errorf(exitcode.Config, "name a configuration file that exists, or unset the variable", "the %s: there is no %s", source, path)
}

func noConfig(path string) error {
	return exitcode.Errorf(exitcode.Config, "name a configuration file that exists", "--config: there is no %s", path)
}

// noConfiguration says that none of these files is there.
func noConfiguration(paths []string) string {
	return "no configuration: there is no " + strings.Join(paths, " and no ")
}

// load reads the files. They need not exist, but one that was named must.
func (o *configOptions) load(lookup func(string) (string, bool)) (*config.Config, error) {
	c, err := config.Load(configKeys(), o.reachable(o.paths(lookup))...)
	if bad, ok := errors.AsType[*config.Error](err); ok {
		return nil, exitcode.Errorf(exitcode.Config, bad.Hint, "%w", err)
	}
	if err != nil {
		return nil, err
	}
	if o.file != "" && len(c.Paths()) == 0 {
		return nil, noConfig(o.file)
	}
	return c, nil
}

// reachable leaves out default files in a directory that this user may not
// search, such as a home directory that belongs to somebody else: whether there is
// a file cannot be known there, and nobody has said that there is. Each is noted
// once. One that is there and may not be read is still an error.
func (o *configOptions) reachable(paths []string) []string {
	if o.file != "" {
		return paths
	}
	return slices.DeleteFunc(paths, func(path string) bool {
		_, err := os.Lstat(path)
		if !errors.Is(err, fs.ErrPermission) {
			return false
		}
		if !slices.Contains(o.passedOver, path) {
			o.passedOver = append(o.passedOver, path)
			if !o.silent {
				note("passing over %s: its directory may not be searched", path)
			}
		}
		return true
	})
}

// mountFlags are the flags of mount, for trying out.
func mountFlags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("mount", pflag.ContinueOnError)
	new(mountOptions).AddFlags(flags)
	return flags
}

// configKeys are those that a configuration file may have.
func configKeys() config.Keys { return options.Keys(mountFlags) }
