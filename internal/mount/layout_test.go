package mount

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

func TestBadLayouts(t *testing.T) {
	env := secret.Dir{Project: "demo", Env: "dev", Path: "/"}
	for _, tc := range []struct {
		layout   Layout
		root     secret.Dir
		writable bool
		what     string
	}{
		{Layout{Kind: "heap"}, env, false, `"heap" is no layout`},
		{Layout{Names: "title"}, env, false, `"title" is no way of writing names`},
		{Layout{TrimNewline: true, AddNewline: true}, env, false, "contradict"},
		{Layout{Kind: "flat", Separator: "__"}, secret.Dir{Project: "demo"}, false, "shows one environment"},
		{Layout{Kind: "flat"}, env, false, `the separator "" cannot`},
		{Layout{Kind: "flat", Separator: "a/b"}, env, false, "cannot"},
		{Layout{Kind: "flat", Separator: "..x"}, env, false, "cannot"},
		{Layout{Include: []string{"/a"}}, env, false, `--include: "/a" is not relative`},
		{Layout{Exclude: []string{"[a"}}, env, true, `--exclude: "[a" has a bracket`},
		{Layout{Kind: "flat", Separator: "__"}, env, true, "--layout=flat"},
		{Layout{Kind: "k8s"}, env, true, "--layout=k8s"},
		{Layout{Names: "kebab"}, env, true, "--names=kebab"},
		{Layout{TrimNewline: true}, env, true, "--trim-newline"},
		{Layout{AddNewline: true}, env, true, "--add-newline"},
		{Layout{Kind: "flat", Separator: "__", Names: "lower", AddNewline: true}, env, false, ""},
		{Layout{Kind: "tree", Names: "as-is", Include: []string{"**/*.key"}}, secret.Dir{}, true, ""},
	} {
		fake := secrettest.NewFake()
		cfg := Config{Mountpoint: "/mnt", Upstream: fake, Root: tc.root, Layout: tc.layout}
		if tc.writable {
			cfg.Writer = fake.Writer()
		}
		err := cfg.Validate()
		if tc.what == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, tc.what)
		require.Equal(t, exitcode.Config, exitcode.Of(err))
		require.NotEmpty(t, err.(*exitcode.Error).Hint)
	}
}

func TestRules(t *testing.T) {
	for text, want := range map[string][3]int{ // -1: not given
		"*=0400":                      {0o400, -1, -1},
		"tls/*.key=440,0":             {0o440, 0, -1},
		"a=0400,root:root":            {0o400, 0, 0},
		"a=,70":                       {-1, 70, -1},
		"a=,:71":                      {-1, -1, 71},
		"a=b=0400":                    {0o400, -1, -1},
		"**/*.key=0000,12:4294967294": {0, 12, 4294967294},
	} {
		rule, err := ParseRule(text)
		require.NoError(t, err, text)
		for i, got := range []*uint32{rule.Rights.Mode, rule.Rights.UID, rule.Rights.GID} {
			if want[i] < 0 {
				require.Nil(t, got, text)
			} else {
				require.Equal(t, uint32(want[i]), *got, text)
			}
		}
	}
	for text, what := range map[string]string{
		"0400":               "has no =",
		"a=":                 "neither mode nor owner",
		"=0400":              `the pattern "" has an element that is empty`,
		"/a=0400":            "is not relative",
		"a=0400,":            "no owner after the comma",
		"a=0400,:":           "no owner after the comma",
		"a=rw":               `"rw" is no mode`,
		"a=04400":            `"04400" is no mode`,
		"a=0480":             "is no mode",
		"a=,no-such-user":    `there is no user "no-such-user" on this machine`,
		"a=,0:no-such-group": `there is no group "no-such-group" on this machine`,
		"a=,4294967295":      "no number of a user",
		"a=,0:4294967295":    "no number of a group",
	} {
		_, err := ParseRule(text)
		require.ErrorContains(t, err, what, text)
		require.Equal(t, exitcode.Config, exitcode.Of(err))
		require.NotEmpty(t, err.(*exitcode.Error).Hint)
	}
}

func TestAccounts(t *testing.T) {
	var a accounts
	id, ok := a.number("root", false)
	require.True(t, ok)
	require.Zero(t, id)
	_, ok = a.number("root", true)
	require.True(t, ok)
	_, ok = a.number("no-such-user", false)
	require.False(t, ok)

	file := filepath.Join(t.TempDir(), "group")
	require.NoError(t, os.WriteFile(file, []byte("a:x:12:u,v\n\nbroken\nb:x:none:\n:x:1:\nc:x:4294967296:\nd:x:7\n"), 0o600))
	require.Equal(t, map[string]uint32{"a": 12, "d": 7}, readAccounts(file))
	require.Empty(t, readAccounts(file+".gone"))
}
