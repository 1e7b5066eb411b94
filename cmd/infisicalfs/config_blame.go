package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/options"
)

// blame puts the place in the configuration file before an error about what a
// mount looks like, if the reason for it is there. It finds that by taking one
// setting after the other, beginning with the flags and variables, until they do
// not fit together.
func (o *mountOptions) blame(err error, c *client.Client) error {
	if len(o.config.used) == 0 {
		return err
	}
	var trial options.Look
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	trial.AddFlags(flags)
	try := func() error {
		_, err := trial.MountConfig("/", c, o.scope.Dir(), nil)
		return err
	}
	later := map[string]bool{}
	for _, s := range o.config.used {
		later[s.Key] = s.Key != "read-only" // which makes others fit
	}
	o.config.flags.Visit(func(f *pflag.Flag) {
		if flags.Lookup(f.Name) != nil && !later[f.Name] {
			_ = flags.Set(f.Name, f.Value.String()) // is what it has been set to
		}
	})
	if try() != nil {
		return err
	}
	for _, s := range o.config.used {
		for i, value := range s.Values {
			if flags.Lookup(s.Key) == nil {
				continue
			}
			_ = flags.Set(s.Key, value)
			if err := try(); err != nil {
				return &exitcode.Error{Err: fmt.Errorf("%s: %w", s.Each[i], err), Hint: hintFor(err), Code: exitcode.Of(err)}
			}
		}
	}
	return err
}
