package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"infisicalfs/internal/config"
	"infisicalfs/internal/credential"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/options"
)

// mountArguments accepts MOUNTPOINT, NAME and NAME MOUNTPOINT.
func mountArguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return usageError(cmd, "no mountpoint given")
	case len(args) > 2:
		return usageError(cmd, fmt.Sprintf("a name and a mountpoint are enough, got %d arguments", len(args)))
	}
	return nil
}

// target is what the arguments of mount mean.
type target struct {
	mount      config.Section // the named mount; without a name if none was
	mountpoint string
	from       string // what says the mountpoint, as a source
}

// settle finds out what the arguments of mount mean. Flags that neither the
// command line nor a variable has set get what the configuration says of the
// mount and the identity that were named. The files are read only if something is
// looked up in them: a path with a slash needs none.
func (o *configOptions) settle(flags *pflag.FlagSet, args []string) (target, error) {
	maybeNamed := len(args) == 2 || !strings.Contains(args[0], "/")
	if !maybeNamed && o.identity == "" {
		return target{mountpoint: args[0], from: "argument"}, nil
	}
	files, err := o.load(os.LookupEnv)
	if err != nil {
		return target{}, err
	}
	what := target{mountpoint: args[0], from: "argument"}
	if maybeNamed {
		if what, err = resolve(files, args); err != nil {
			return target{}, err
		}
	}
	return what, o.apply(flags, files, what.mount)
}

// settleName does what settle does where no mountpoint is wanted. Without a name
// only the identity counts.
func (o *configOptions) settleName(flags *pflag.FlagSet, name string) error {
	if name == "" && o.identity == "" {
		return nil
	}
	files, err := o.load(os.LookupEnv)
	if err != nil {
		return err
	}
	mount, ok := files.Mount(name)
	if name != "" && !ok {
		return noMount(files, name)
	}
	return o.apply(flags, files, mount)
}

// resolve finds the mount that the arguments name, if they do.
func resolve(files *config.Config, args []string) (target, error) {
	mount, ok := files.Mount(args[0])
	switch {
	case len(args) == 2 && !ok:
		return target{}, noMount(files, args[0])
	case len(args) == 2:
		return target{mount, args[1], "argument"}, nil
	case !ok:
		if _, err := os.Lstat(args[0]); errors.Is(err, fs.ErrNotExist) && len(files.Mounts()) > 0 {
			return target{}, exitcode.Errorf(exitcode.Config, choice("mounts", files.Mounts(), files), "there is neither a mount nor a directory called %q", args[0])
		}
		return target{mountpoint: args[0], from: "argument"}, nil
	}
	point, ok := mount.Setting("mountpoint")
	if !ok {
		return target{}, exitcode.Errorf(exitcode.Config, "add 'mountpoint: /some/directory' to it, or name a directory on the command line",
			"%s: the mount %s has no mountpoint", mount.At, mount.Name)
	}
	return target{mount, point.Value(), place(point)}, nil
}

func noMount(files *config.Config, name string) error {
	return exitcode.Errorf(exitcode.Config, choice("mounts", files.Mounts(), files), "no mount is called %q", name)
}

func choice(what string, names []string, files *config.Config) string {
	if len(files.Paths()) == 0 {
		return "there is no configuration file; 'infisicalfs config --help' says where it would be"
	}
	if len(names) == 0 {
		return fmt.Sprintf("there are no %s in %s", what, strings.Join(files.Paths(), ", "))
	}
	return "configured are: " + strings.Join(names, ", ")
}

// apply sets the flags that are open from a mount, which may be the zero Section,
// and from the identity.
func (o *configOptions) apply(flags *pflag.FlagSet, files *config.Config, mount config.Section) error {
	o.flags = flags
	if mount.Name != "" {
		o.used = overlay(flags, o.flagSettings(mount))
		// What a name stands for does not depend on the directory it is said in.
		if f := flags.Lookup("project-file"); !f.Changed {
			_ = flags.Set("project-file", "false")
			options.SetSource(f, options.SourceNamed)
		}
	}
	if o.identity == "" {
		return nil
	}
	identity, ok := files.Identity(o.identity)
	if !ok {
		return exitcode.Errorf(exitcode.Config, choice("identities", files.Identities(), files), "no identity is called %q", o.identity)
	}
	o.used = append(o.used, overlay(flags, identity.Settings)...)
	return nil
}

// flagSettings are the settings of a mount that stand for flags. If the command
// line or a variable names an identity, that takes the place of all that the
// mount says about who to be.
func (o *configOptions) flagSettings(mount config.Section) []config.Setting {
	identity := configKeys().Identity
	return slices.DeleteFunc(slices.Clone(mount.Settings), func(s config.Setting) bool {
		_, who := identity[s.Key]
		return s.Key == "mountpoint" || who && o.identity != ""
	})
}

// overlay sets the flags that are not set yet, and returns the settings that it
// has used. Two methods of logging in are two answers to one question, so who
// has given one has set the other.
func overlay(flags *pflag.FlagSet, settings []config.Setting) (used []config.Setting) {
	answers := credential.Answers(flags.Changed)
	for _, s := range settings {
		if f := flags.Lookup(s.Key); f == nil || f.Changed || answers(s.Key) {
			continue
		}
		for _, value := range s.Values {
			_ = flags.Set(s.Key, value) // was tried when the file was read
		}
		options.SetSource(flags.Lookup(s.Key), place(s))
		used = append(used, s)
	}
	return used
}

// place is where a setting is written, for people.
func place(s config.Setting) string { return fmt.Sprintf("%s:%d", s.At.Path, s.At.Line) }
