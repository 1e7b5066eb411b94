package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"infisicalfs/internal/options"
)

func configCheckCommand() *cobra.Command {
	var o mountOptions
	cmd := &cobra.Command{
		Use:   "check [flags] [MOUNTPOINT | NAME [MOUNTPOINT]]",
		Short: "Show what would be mounted, as whom, and where each setting comes from",
		Long: `Shows what 'infisicalfs mount' with the same arguments would mount, as whom, and where each setting comes
from: a flag, a variable, a line of a configuration file, or the default. Without arguments it checks all
mounts of the configuration, a line for each, and says which of them have one mountpoint and which files with
credentials can be read by others. It reads files, also those with credentials, asks no server, shows no
secret, and does not look at the mountpoint.`,
		ValidArgsFunction: completeMountArguments,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return mountArguments(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return checkAll(cmd)
			}
			return o.explain(cmd.OutOrStdout(), cmd.Flags(), args)
		},
	}
	cmd.Flags().SortFlags = false
	o.AddFlags(cmd.Flags())
	return cmd
}

// explain prints what the arguments of mount come to. What is wrong with the
// settings is returned after them.
func (o *mountOptions) explain(out io.Writer, flags *pflag.FlagSet, args []string) error {
	what, err := o.config.settle(flags, args)
	if err != nil {
		return err
	}
	shows, as, err := o.check(what)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	row := func(cells ...string) {
		for i := range cells {
			cells[i] = oneLine(cells[i])
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if what.mount.Name != "" {
		row("mount", what.mount.Name+", "+what.mount.At.String())
	}
	if err == nil {
		row("shows", shows)
		row("as", as)
	}
	fmt.Fprintln(w)
	row("SETTING", "VALUE", "SOURCE")
	row("mountpoint", what.mountpoint, what.from)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			value, source := o.shown(f)
			row(f.Name, value, source)
		}
	})
	if flushed := w.Flush(); err == nil {
		err = flushed
	}
	return err
}

// check does what mount does before it asks the server, and says in words what
// would be shown and as whom.
func (o *mountOptions) check(what target) (shows, as string, err error) {
	o.inspect = true
	c, _, who, err := o.prepare(what.mountpoint, nil)
	if err != nil {
		return "", "", err
	}
	defer c.Close()
	shows = "/" + strings.Trim(o.scope.Project+"/"+o.scope.Env+"/"+strings.Trim(o.scope.Path, "/"), "/") + " of " + c.Server()
	as = who.String()
	if o.config.identity != "" {
		as = o.config.identity + ", by " + as
	}
	return shows, as, nil
}

// shown is a flag's value and source as they may be shown.
func (o *mountOptions) shown(f *pflag.Flag) (value, source string) {
	value, source = options.ValueOf(f, os.LookupEnv)
	takes, _ := pflag.UnquoteUsage(f)
	switch f.Name {
	case "project", "env", "path":
		if from := o.scope.From(); from != "" && source == "default" && value != "" {
			source = from
		}
	}
	switch {
	case value == "":
		value = "-"
	case f.Name == "url" && strings.Contains(value, "@"), takes == "file" && options.LooksLikeSecret(value):
		value = "(not shown: there is a secret in it)"
	}
	return value, source
}

// checkAll prints a line for each configured mount, and returns the first error.
func checkAll(cmd *cobra.Command) error {
	var stray string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if _, source := options.ValueOf(f, os.LookupEnv); source == "flag" && f.Name != "config" {
			stray = f.Name
		}
	})
	if stray != "" {
		return usageError(cmd, "--"+stray+" without a name or mountpoint that it is meant for")
	}
	var given configOptions
	given.file, _ = cmd.Flags().GetString("config")
	files, err := given.load(os.LookupEnv)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if len(files.Paths()) == 0 {
		fmt.Fprintln(out, noConfiguration(given.paths(os.LookupEnv)))
		return nil
	}
	fmt.Fprintf(out, "read  %s\n", strings.Join(files.Paths(), ", "))
	var first error
	failed := func(name string, err error) string {
		if first == nil {
			first = err
		}
		return strings.TrimSuffix("FAIL  "+name+": "+err.Error()+"; "+hintFor(err), "; ")
	}
	for _, name := range files.Mounts() {
		text, err := checkOne(name, given.file)
		if err != nil {
			text = failed(name, err)
		}
		fmt.Fprintln(out, oneLine(text))
	}
	for _, d := range options.Warnings(files) {
		fmt.Fprintln(out, oneLine(failed(d.Section, d.Err)))
	}
	return first
}

// checkOne checks a configured mount as if it was named.
func checkOne(name, file string) (string, error) {
	var o mountOptions
	flags := pflag.NewFlagSet("mount", pflag.ContinueOnError)
	o.AddFlags(flags)
	if file != "" {
		_ = flags.Set("config", file)
	}
	if err := options.BindEnvironment(flags, os.LookupEnv); err != nil {
		return "", err
	}
	what, err := o.config.settle(flags, []string{name})
	if err != nil {
		return "", err
	}
	shows, as, err := o.check(what)
	return fmt.Sprintf("ok    %s: %s on %s, as %s", name, shows, what.mountpoint, as), err
}
