package config

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// keys are like those of a command line.
var keys = Keys{
	Identity: map[string]Key{
		"url":                {},
		"client-id":          {},
		"client-secret-file": {Path: true, Secret: true},
		"token-file":         {Path: true, Secret: true},
		"vault-key-file":     {Path: true, Secret: true},
		"ca-file":            {Path: true},
	},
	Mount: map[string]Key{
		"project":    {},
		"env":        {},
		"mode":       {Check: octal},
		"read-only":  {Check: boolean},
		"mountpoint": {Path: true},
		"include":    {List: true},
	},
}

func octal(value string) error {
	if _, err := strconv.ParseUint(value, 8, 9); err != nil {
		return errors.New("permission bits are wanted")
	}
	return nil
}

func boolean(value string) error {
	if _, err := strconv.ParseBool(value); err != nil {
		return errors.New("true or false is wanted")
	}
	return nil
}

func parse(t *testing.T, text string) *File {
	f, err := Parse("/etc/x/config.yaml", []byte(text), keys)
	require.NoError(t, err)
	return f
}

// one is the value of a key of the mount app.
func one(t *testing.T, setting string) Setting {
	f := parse(t, "mounts:\n  app:\n    "+setting+"\n")
	require.Len(t, f.Mounts["app"].Settings, 1)
	return f.Mounts["app"].Settings[0]
}

func TestParse(t *testing.T) {
	f := parse(t, `# what is mounted here
identities:
  ci:
    url: https://infisical.example.com
    client-secret-file: ci.secret
  me: {token-file: /run/token}
mounts:
  app:
    identity: ci
    project: "shop"
    read-only: true
    mountpoint: ../../srv/secrets
  bare:
`)
	require.Equal(t, "/etc/x/config.yaml", f.Path)
	ci := f.Identities["ci"]
	require.Equal(t, Section{Name: "ci", At: Position{f.Path, 3, 3}, Settings: []Setting{
		{"url", []string{"https://infisical.example.com"}, Position{f.Path, 4, 10}, []Position{{f.Path, 4, 10}}},
		{"client-secret-file", []string{"/etc/x/ci.secret"}, Position{f.Path, 5, 25}, []Position{{f.Path, 5, 25}}},
	}}, ci)
	require.Equal(t, "/run/token", f.Identities["me"].Settings[0].Value())
	point, ok := f.Mounts["app"].Setting("mountpoint")
	require.True(t, ok)
	require.Equal(t, "/srv/secrets", point.Value())
	require.Empty(t, f.Mounts["bare"].Settings)
	_, ok = f.Mounts["bare"].Setting("mountpoint")
	require.False(t, ok)
}

func TestEachValueHasItsPlace(t *testing.T) {
	s := one(t, "include:\n      - A\n      -   'B'")
	require.Equal(t, []string{"A", "B"}, s.Values)
	require.Equal(t, []Position{{"/etc/x/config.yaml", 4, 9}, {"/etc/x/config.yaml", 5, 11}}, s.Each)
	require.Equal(t, s.Each[0].Line, s.At.Line)
}

func TestNothingToParse(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing yet\n", "---\n", "mounts:\n", "mounts: {}\nidentities:\n", "\ufeffmounts:\n"} {
		f := parse(t, text)
		require.Empty(t, f.Mounts, "%q", text)
		require.Empty(t, f.Identities, "%q", text)
	}
}

// What YAML makes numbers, booleans and dates of is meant as it is written.
func TestValuesAreWhatIsWritten(t *testing.T) {
	for setting, want := range map[string]string{
		"mode: 0440":          "0440",
		`mode: "0440"`:        "0440",
		"mode: '0440'":        "0440",
		"mode: 440":           "440",
		"env: no":             "no",
		"env: 007":            "007",
		"env: 1e3":            "1e3",
		"env: 2026-01-02":     "2026-01-02",
		`env: "null"`:         "null",
		`env: ""`:             "",
		"env: dev # a remark": "dev",
		"env: d\u00e9v":       "d\u00e9v",
		"read-only: true":     "true",
	} {
		require.Equal(t, []string{want}, one(t, setting).Values, setting)
	}
}

func TestLists(t *testing.T) {
	require.Equal(t, []string{"A*", "007"}, one(t, "include: [A*, 007]").Values)
	require.Equal(t, []string{"A*"}, one(t, "include: A*").Values)
	require.Empty(t, one(t, "include: []").Values)
}

func TestPaths(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	for text, want := range map[string]string{
		"secrets":      "/etc/x/secrets",
		"./a/../b":     "/etc/x/b",
		"/mnt":         "/mnt",
		"~/secrets":    "/home/me/secrets",
		`"~"`:          "/home/me",
		`"~other/x"`:   "/etc/x/~other/x",
		"/dev/fd/7":    "/dev/fd/7",
		`""`:           "",
		`"with blank"`: "/etc/x/with blank",
	} {
		require.Equal(t, want, one(t, "mountpoint: "+text).Value(), text)
	}
	require.NoError(t, os.Unsetenv("HOME"))
	requireWrong(t, "mounts: {app: {mountpoint: ~/x}}", ":1:28: mountpoint: there is no home directory", "")
}

// requireWrong holds the error and the hint to what they should say.
func requireWrong(t *testing.T, text, complaint, hint string) {
	t.Helper()
	_, err := Parse("/etc/x/config.yaml", []byte(text), keys)
	require.Error(t, err, "%q", text)
	require.True(t, strings.HasPrefix(err.Error(), "/etc/x/config.yaml"+complaint), "%q: %q", text, err)
	bad, ok := errors.AsType[*Error](err)
	require.True(t, ok, "%q: %T", text, err)
	require.Contains(t, bad.Hint, hint, "%q", text)
	require.NotContains(t, err.Error()+bad.Hint, "hunter2", "%q", text)
	require.NotContains(t, err.Error()+bad.Hint, "\n", "%q", text)
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	const app = "mounts:\n  app:\n    "
	for _, c := range []struct{ text, complaint, hint string }{
		// keys
		{"mount:\n", `:1:1: unknown key "mount"`, "did you mean mounts?"},
		{"defaults: {}\n", `:1:1: unknown key "defaults"`, "known keys: identities, mounts"},
		{app + "projekt: hunter2\n", `:3:5: unknown key "projekt"`, "did you mean project?"},
		{app + "read_only: true\n", `:3:5: unknown key "read_only"`, "did you mean read-only?"},
		{app + "readOnly: true\n", `:3:5: unknown key "readOnly"`, "did you mean read-only?"},
		{app + "--env: hunter2\n", `:3:5: unknown key "--env"`, "did you mean env?"},
		{app + "colour: hunter2\n", `:3:5: unknown key "colour"`, "known keys: ca-file, client-id, client-secret-file, env, identity, "},
		{app + strings.Repeat("k", 500) + ": hunter2\n", `:3:5: unknown key "` + strings.Repeat("k", 40) + `…"`, ""},
		{app + `"a\nb\e": 1`, `:3:5: unknown key "a\nb\x1b"`, ""},
		{"identities:\n  ci: {project: x}\n", `:2:8: unknown key "project"`, "known keys: ca-file, client-id"},
		{"identities:\n  ci:\n    client-secret: hunter2\n", `:3:5: "client-secret": secrets do not belong into this file`, "name that with client-secret-file"},
		{"identities:\n  ci:\n    password: hunter2\n", `:3:5: "password": secrets do not belong into this file`, "client-secret-file or token-file"},
		{"identities:\n  ci:\n    vault_key: hunter2\n", `:3:5: "vault_key": secrets do not belong into this file`, "name that with vault-key-file"},
		{"identities:\n  ci:\n    ca: x\n", `:3:5: unknown key "ca"`, ""},
		{app + "token: hunter2\n", `:3:5: "token": secrets do not`, ""},
		{app + "Client_Secret: hunter2\n", `:3:5: "Client_Secret": secrets do not`, ""},
		{app + "env: a\n    env: b\n", `:4:5: "env" is there twice`, "keep one of them; the other is at /etc/x/config.yaml:3"},
		{app + "env: a\n    \"env\": b\n", `:4:5: "env" is there twice`, ""},
		{"mounts:\n  app: {}\n  app: {}\n", `:3:3: "app" is there twice`, ""},
		{"mounts: {}\nmounts: {}\n", `:2:1: "mounts" is there twice`, ""},
		{app + "? [env]\n    : x\n", `:3:7: a key is a word`, ""},
		{app + "identity: ci\n    url: https://hunter2\n", `:4:10: the mount "app" names an identity and has a url of its own`, "move url to the identity"},

		// names
		{"mounts:\n  a/b: {}\n", `:2:3: "a/b" cannot be a name`, "letters, digits"},
		{"mounts:\n  ..: {}\n", `:2:3: ".." cannot be a name`, ""},
		{"mounts:\n  -x: {}\n", `:2:3: "-x" cannot be a name`, ""},
		{"mounts:\n  \"\": {}\n", `:2:3: "" cannot be a name`, ""},

		// values
		{app + "mode: 999\n", ":3:11: mode: permission bits are wanted", "flag --mode"},
		{app + "mode: 0o440\n", ":3:11: mode: permission bits are wanted", ""},
		{app + "read-only: yes hunter2\n", ":3:16: read-only: true or false is wanted", ""},
		{app + "env:\n", ":3:9: env has no value", "remove the line"},
		{app + "env: ~\n", ":3:10: env has no value", ""},
		{app + "env: [hunter2]\n", ":3:10: env: one value is wanted, not a list or mapping", ""},
		{app + "env: {hunter2: hunter2}\n", ":3:10: env: one value is wanted, not a list or mapping", ""},
		{app + "include: [[hunter2]]\n", ":3:15: include: one value is wanted", ""},
		{app + "env: |\n      hunter2\n      hunter2\n", ":3:10: env: one line without control characters is wanted", ""},
		{app + `env: "hunter2\0"`, ":3:10: env: one line without control characters is wanted", ""},
		{app + "env: &x hunter2\n", ":3:10: anchors, aliases and tags", "quote it"},
		{app + "env: &x a\n    project: *x\n", ":3:10: anchors, aliases and tags", ""},
		{app + "env: !!str hunter2\n", ":3:10: anchors, aliases and tags", ""},
		{app + "include: !x [hunter2]\n", ":3:14: anchors, aliases and tags", ""},
		{app + "env: *hunter2\n", ":3:10: anchors, aliases and tags", "quote it"},
		{app + "env: 2*hunter2 # *hunter2\n    include: [A, *hunter2]\n", ":4:18: anchors, aliases and tags", "quote it"},
		{app + "include: [*.hunter2]\n", ":3: anchors, aliases and tags", "quote it"},
		{app + "include: **/hunter2\n", ":3: anchors, aliases and tags", "quote it"},

		// shape
		{"hunter2\n", ":1:1: keys with values are wanted here", "KEY: VALUE"},
		{"- hunter2\n", ":1:1: keys with values are wanted here", ""},
		{"mounts: hunter2\n", ":1:9: keys with values are wanted here", ""},
		{"mounts:\n  app: hunter2\n", ":2:8: keys with values are wanted here", ""},
		{"mounts:\n  - app: hunter2\n", ":2:3: keys with values are wanted here", ""},

		// not YAML
		{"mounts:\n\tapp:\n", ":2:1: a tab", "indent with spaces"},
		{"mounts:\n  app:\n  \t  env: hunter2\n", ":3:3: a tab", ""},
		{"mounts:\n  app: hunter2\xff\xfe\n", ":2:15: not UTF-8", "save the file as UTF-8"},
		{"\xff\xfem\x00o\x00", ":1:1: not UTF-8", ""},
		{"mounts:\n  app: {env: hunter2\n", ":", "indentation, colons and quotes"},
		{"mounts:\n  app:\n   env: hunter2\n  project: x: y\n", ":4: not YAML: mapping values are not allowed in this context", ""},
		{"mounts: {}\n---\nmounts: {}\n", ":2:1: a second document begins", ""},
		{"mounts: {}\n--- {\n", ":", ""},
		{"mounts: \x00\n", ": not YAML: control characters are not allowed", ""},
	} {
		requireWrong(t, c.text, c.complaint, c.hint)
	}
}
