package main

import (
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/config"
	"infisicalfs/internal/credential"
	"infisicalfs/internal/options"
)

// Every flag of mount is a key, of an identity or of a mount.
func TestEveryFlagIsAKey(t *testing.T) {
	keys := configKeys()
	for _, name := range []string{"auth", "ca-cert", "client-id", "identity-id", "insecure-http", "organization", "token-file", "url"} {
		require.Contains(t, keys.Identity, name)
	}
	mountCommand().Flags().VisitAll(func(f *pflag.Flag) {
		_, who := keys.Identity[f.Name]
		_, what := keys.Mount[f.Name]
		require.Equal(t, f.Name != "config" && f.Name != "identity", who != what, f.Name)
	})
	require.Contains(t, keys.Mount, "mountpoint")
}

// What names a file is found by its flag's usage, where it is called a file.
func TestKeysThatArePaths(t *testing.T) {
	keys := configKeys()
	all := maps.Clone(keys.Identity)
	maps.Copy(all, keys.Mount)
	var paths []string
	for name, key := range all {
		if key.Path {
			paths = append(paths, name)
		}
	}
	slices.Sort(paths)
	want := append(credential.FileFlags(), "ca-cert", "client-cert", "client-key", "headers-file", "log-file", "mountpoint", "template")
	slices.Sort(want)
	require.Equal(t, want, paths)
	require.Contains(t, paths, "client-secret-file")
	require.NotContains(t, paths, "client-id")
}

// A value that does not fit is refused without being repeated.
func TestKeysCheckValues(t *testing.T) {
	keys := configKeys()
	for name, key := range keys.Mount {
		if key.Check == nil {
			continue
		}
		if err := key.Check("hunter2"); err != nil {
			require.NotContains(t, err.Error(), "hunter2", name)
		}
	}
	for name, good := range map[string]string{"ttl": "90s", "mode": "0440", "uid": "1000", "read-only": "true", "project": "007"} {
		require.NoError(t, keys.Mount[name].Check(good), name)
	}
	for name, bad := range map[string]string{"ttl": "60", "mode": "0o440", "uid": "me", "read-only": "yes", "log-file": "eyJhunter2"} {
		require.Error(t, keys.Mount[name].Check(bad), name)
	}
}

func TestConfigPaths(t *testing.T) {
	for _, c := range []struct {
		variables variables
		file      string
		want      []string
	}{
		{variables{"HOME": "/home/me"}, "", []string{"/home/me/.config/infisicalfs/config.yaml", systemConfig}},
		{variables{"HOME": "/home/me", "XDG_CONFIG_HOME": "/conf"}, "", []string{"/conf/infisicalfs/config.yaml", systemConfig}},
		{variables{"HOME": "/home/me", "XDG_CONFIG_HOME": "conf"}, "", []string{"/home/me/.config/infisicalfs/config.yaml", systemConfig}},
		{variables{}, "", []string{systemConfig}},
		{variables{"HOME": "/home/me"}, "mine.yaml", []string{"mine.yaml"}},
	} {
		o := configOptions{file: c.file}
		require.Equal(t, c.want, o.paths(c.variables.lookup), "%v", c)
	}
}

// Of a token and a machine identity, whoever wins takes both halves or none.
func TestOverlayOfCredentials(t *testing.T) {
	settings := func(keys ...string) []config.Setting {
		var list []config.Setting
		for _, key := range keys {
			list = append(list, config.Setting{Key: key, Values: []string{"/file"}, At: config.Position{Path: "/c.yaml", Line: 3}})
		}
		return list
	}
	for _, c := range []struct {
		given []string
		file  []string
		want  map[string]string
	}{
		{nil, []string{"token-file"}, map[string]string{"token-file": "/file"}},
		{[]string{"--token-file=/x"}, []string{"token-file"}, map[string]string{"token-file": "/x"}},
		{[]string{"--token-file=/x"}, []string{"client-id", "client-secret-file"}, map[string]string{"token-file": "/x"}},
		{[]string{"--client-id=/x"}, []string{"token-file"}, map[string]string{"client-id": "/x"}},
		{[]string{"--client-id=/x"}, []string{"client-id", "client-secret-file"}, map[string]string{"client-id": "/x", "client-secret-file": "/file"}},
		{nil, []string{"client-id", "client-secret-file"}, map[string]string{"client-id": "/file", "client-secret-file": "/file"}},
	} {
		flags := mountFlags()
		require.NoError(t, flags.Parse(c.given))
		overlay(flags, settings(c.file...))
		got := map[string]string{}
		for _, name := range []string{"token-file", "client-id", "client-secret-file"} {
			f := flags.Lookup(name)
			if !f.Changed {
				continue
			}
			value, source := options.ValueOf(f, os.LookupEnv)
			got[name] = value
			require.Equal(t, value == "/file", source == "/c.yaml:3", name)
		}
		require.Equal(t, c.want, got, "%v %v", c.given, c.file)
	}
}

// A list is one key with several values, as a flag that is given several times.
func TestOverlayOfLists(t *testing.T) {
	var lists []string
	for name, key := range configKeys().Mount {
		if key.List {
			lists = append(lists, name)
		}
	}
	slices.Sort(lists)
	require.Equal(t, []string{"chmod", "exclude", "include", "list-views", "template"}, lists)

	var o mountOptions
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.AddFlags(flags)
	overlay(flags, []config.Setting{{Key: "include", Values: []string{"A,B", "C"}}, {Key: "no-such-flag", Values: []string{"x"}}})
	require.Equal(t, options.List{"A,B", "C"}, o.Layout.Include)
}

// An identity that is named on the command line takes the place of all that the
// mount says about who to be.
func TestAnotherIdentity(t *testing.T) {
	mount := config.Section{Name: "app", Settings: []config.Setting{{Key: "url"}, {Key: "token-file"}, {Key: "env"}, {Key: "mountpoint"}}}
	names := func(o configOptions) (keys []string) {
		for _, s := range o.flagSettings(mount) {
			keys = append(keys, s.Key)
		}
		return keys
	}
	require.Equal(t, []string{"url", "token-file", "env"}, names(configOptions{}))
	require.Equal(t, []string{"env"}, names(configOptions{identity: "me"}))
}
