package options

import (
	"log/slog"

	"github.com/spf13/pflag"

	"infisicalfs/client"
	"infisicalfs/internal/config"
)

// Login is [Server.ClientConfig] with the credentials that are found.
func (o *Server) Login(lookup func(string) (string, bool), log *slog.Logger) (client.Config, error) {
	cfg, _, err := o.LoginAs(lookup, log)
	return cfg, err
}

// LoginAs is Login that says what was found, too.
func (o *Server) LoginAs(lookup func(string) (string, bool), log *slog.Logger) (client.Config, Found, error) {
	cfg, err := o.ClientConfig(lookup, log)
	if err != nil {
		return cfg, Found{}, err
	}
	found, err := o.Credentials(lookup)
	found.Apply(&cfg)
	return cfg, found, err
}

// As returns the options of a named identity: which server and who is all that the
// identity says, and nothing of what o says, and no variable is meant to add to it. Its
// bounds of time and size are o's.
func (o *Server) As(identity config.Section) (*Server, error) {
	as := new(Server)
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	as.AddFlags(flags)
	words := map[string]string{}
	for _, s := range identity.Settings {
		words[s.Key] = s.Value()
	}
	if err := SetWords(flags, words); err != nil {
		return nil, err
	}
	as.timeout, as.rateWait, as.maxSecrets = o.timeout, o.rateWait, o.maxSecrets
	return as, nil
}

// Unset is an environment without variables.
func Unset(string) (string, bool) { return "", false }
