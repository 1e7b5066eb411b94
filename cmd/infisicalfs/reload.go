package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/spf13/pflag"

	"infisicalfs/client"
	"infisicalfs/internal/credential"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/options"
	"infisicalfs/secret"
)

// settings are the values of a mount's flags at one moment.
type settings map[string]string

func settingsOf(flags *pflag.FlagSet) settings {
	values := settings{}
	flags.VisitAll(func(f *pflag.Flag) { values[f.Name] = f.Value.String() })
	return values
}

// changed lists the flags that stand at something else in now, sorted. What now
// does not have is no setting: the command itself adds --help to its flags.
func (s settings) changed(now settings) (names []string) {
	for name, value := range s {
		if other, ok := now[name]; ok && other != value {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// who are the settings that a live mount can follow, and where those that say
// which server they are for: with another server the credentials must not be used.
var (
	who   = append(credential.FlagNames(), "identity", "headers-file")
	where = []string{"url", "ca-cert", "insecure-http", "organization", "tls-login-url"}
)

// reload reads the configuration and the credentials again, logs in with them, and
// makes the next access ask the server. before is what the flags stood at when the
// mount was made. What else has changed is named: it takes a new mount. Whatever
// fails leaves the mount as it is.
func (o *mountOptions) reload(ctx context.Context, before settings, c *client.Client, m *mount.Mount, log *slog.Logger) {
	log = log.With("mountpoint", m.Mountpoint())
	if err := o.reopenLog(); err != nil {
		log.Error("the log file cannot be opened again; the old one is used", "error", exitcode.PathError(err))
	}
	fresh, flags, err := o.again()
	if err != nil {
		log.Error("the configuration cannot be read again; nothing is changed", "error", err)
		return
	}
	other := false
	for _, name := range before.changed(settingsOf(flags)) {
		switch {
		case slices.Contains(who, name):
		case slices.Contains(where, name):
			other = true
			fallthrough
		default:
			log.Warn("a changed setting takes a new mount", "setting", name)
		}
	}
	if other {
		log.Error("the credentials are left as they are, since they may be for another server now")
		return
	}
	headers, err := fresh.server.Headers(os.LookupEnv)
	if err != nil {
		log.Error("the headers for the gateway cannot be read again; nothing is changed", "error", err)
		return
	}
	found, err := fresh.server.Credentials(os.LookupEnv)
	if err == nil && found.Server != "" && !credential.SameServer(found.Server, c.Server()) {
		err = fmt.Errorf("they are for another server, %s: %w", found.Server, secret.ErrInvalid)
	}
	if err == nil {
		err = become(ctx, c, headers, found.Auth)
	}
	if err != nil {
		log.Error("no login with what the credentials are now; the mount goes on with those that it had", "error", err)
		return
	}
	if found.Identity != o.firstIdentity {
		m.KeepToItself()
	}
	if err := m.Refresh(); err != nil {
		log.Error("not everything is asked again", "error", err)
	}
	log.Info("the configuration and the credentials were read again", "credentials", found.String())
}

// become logs in anew with other headers, without which the gateway may not let the login
// through. If that fails the former ones are used again.
func become(ctx context.Context, c *client.Client, headers []client.Header, auth client.Auth) error {
	before := c.SetHeaders(headers)
	err := c.Become(ctx, auth)
	if err != nil {
		c.SetHeaders(before)
	}
	return err
}

// again settles the options anew: flags and variables as they were given, and what
// the configuration files say now.
func (o *mountOptions) again() (*mountOptions, *pflag.FlagSet, error) {
	fresh := new(mountOptions)
	flags := pflag.NewFlagSet("mount", pflag.ContinueOnError)
	fresh.AddFlags(flags)
	fresh.config.silent = true
	var failed error
	o.flags.VisitAll(func(f *pflag.Flag) {
		if to := flags.Lookup(f.Name); f.Changed && to != nil && !o.config.hasSet(f) && failed == nil {
			failed = copyFlag(f, to)
		}
	})
	if failed != nil || o.named == "" && fresh.config.identity == "" {
		return fresh, flags, failed
	}
	return fresh, flags, fresh.config.settleName(flags, o.named)
}

// hasSet reports whether a flag stands at what the configuration files say, and
// nothing else.
func (o *configOptions) hasSet(f *pflag.Flag) bool {
	if f.Name == "project-file" {
		_, source := options.ValueOf(f, os.LookupEnv)
		return source == options.SourceNamed
	}
	for _, s := range o.used {
		if s.Key == f.Name {
			return true
		}
	}
	return false
}

func copyFlag(from, to *pflag.Flag) error {
	to.Changed = true
	if list, ok := from.Value.(pflag.SliceValue); ok {
		return to.Value.(pflag.SliceValue).Replace(list.GetSlice())
	}
	return to.Value.Set(from.Value.String())
}
