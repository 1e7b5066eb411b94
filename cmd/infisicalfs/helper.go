package main

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/options"
)

var (
	errHelperUsage = errors.New("mount.infisicalfs wants a source and a mountpoint")
	errHelperPath  = errors.New("the source is a path, and not infisicalfs or PROJECT/ENV/FOLDER")
)

// helperArguments translates what mount(8) hands to its helper,
//
//	mount.infisicalfs SOURCE MOUNTPOINT [-sfnv] [-o OPTIONS] [-t TYPE]
//
// into a mount command. SOURCE is "infisicalfs" or "none" for everything, or
// PROJECT[/ENV[/PATH]]; what it leaves open no project file decides, since the
// table says what is mounted, not the directory that mount(8) is called in. An
// option is a flag's name, with a value or without. With -f, which is for trying
// out, there is nothing to do: the result is nil.
func helperArguments(args []string) ([]string, error) {
	var positional, texts []string
	pretend := false
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "-o" && i+1 < len(args):
			i++
			texts = append(texts, args[i])
		case strings.HasPrefix(arg, "-o"):
			texts = append(texts, arg[2:])
		case arg == "-t" || arg == "-N":
			i++
		case strings.HasPrefix(arg, "-"): // -s, -f, -n, -v and bundles of them
			pretend = pretend || strings.Contains(arg, "f")
		default:
			positional = append(positional, arg)
		}
	}
	if len(positional) != 2 {
		return nil, &exitcode.Error{Err: errHelperUsage, Hint: "in fstab: demo/dev /mnt/secrets infisicalfs _netdev,nofail,token-file=/etc/infisicalfs/token 0 0", Code: exitcode.Usage}
	}
	if strings.HasPrefix(positional[0], "/") {
		return nil, &exitcode.Error{Err: errHelperPath, Hint: "mount(8) makes a path of a source if the working directory has a file of that name: call it from another directory, or use infisicalfs mount", Code: exitcode.Usage}
	}
	if pretend {
		return nil, nil
	}
	flags, err := options.FromFstab(texts)
	if err != nil {
		return nil, err
	}
	out := append([]string{"mount", "--project-file=false"}, flags...)
	point := positional[1]
	if !strings.Contains(point, "/") {
		point = "./" + point // and not a mount of the configuration
	}
	return append(append(out, sourceFlags(positional[0])...), "--", point), nil
}

// calledByFuse reports whether these are the arguments that mount.fuse hands on,
// the helper of libfuse: mount(8) calls that for the type fuse.infisicalfs, which
// is also how the mount table calls a mount of ours, as with "mount -o remount".
// They are SOURCE MOUNTPOINT -o OPTIONS, and SOURCE is no command.
func calledByFuse(args []string) bool {
	if len(args) < 4 || args[2] != "-o" || strings.HasPrefix(args[0], "-") {
		return false
	}
	return !slices.ContainsFunc(newRoot().Commands(), func(c *cobra.Command) bool { return c.Name() == args[0] || c.HasAlias(args[0]) })
}

// sourceFlags reads the first field of an fstab line.
func sourceFlags(source string) []string {
	if source == "infisicalfs" || source == "none" || source == "" {
		return nil
	}
	project, rest, _ := strings.Cut(strings.Trim(source, "/"), "/")
	env, folder, _ := strings.Cut(rest, "/")
	flags := []string{"--project=" + project}
	if env != "" {
		flags = append(flags, "--env="+env, "--path="+path.Join("/", folder))
	}
	return flags
}
