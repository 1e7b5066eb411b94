package options

import (
	"github.com/spf13/pflag"

	"infisicalfs/internal/view"
)

// Dialect says for which readers the view .env is written.
type Dialect struct{ Env view.EnvDialect }

// AddFlags declares the options' flags.
func (o *Dialect) AddFlags(f *pflag.FlagSet) {
	choose(f, &o.Env, "env-dialect", "write .env for all readers, and refuse what one of them would expand or run; for those that expand nothing; for those that expand; or for those that take escapes, such as Compose: `strict|literal|expand|compose`", view.EnvDialects()...)
}
