package options

import (
	"errors"

	"github.com/spf13/pflag"

	"infisicalfs/internal/view"
)

// Dialect says for which readers the view .env is written.
type Dialect struct{ Env view.EnvDialect }

// AddFlags declares the options' flags.
func (o *Dialect) AddFlags(f *pflag.FlagSet) {
	o.Env = view.EnvStrict
	f.Var((*envDialect)(&o.Env), "env-dialect", "write .env for all readers, and refuse what one of them would expand or run; for those that expand nothing; or for those that expand: `strict|literal|expand`")
}

// envDialect is a flag.
type envDialect view.EnvDialect

func (d *envDialect) String() string { return string(*d) }
func (d *envDialect) Type() string   { return "env-dialect" }

func (d *envDialect) Set(text string) error {
	for _, known := range view.EnvDialects() {
		if text == string(known) {
			*d = envDialect(text)
			return nil
		}
	}
	return errors.New("strict, literal or expand is wanted")
}
