package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/exitcode"
)

func TestHelperArguments(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"everything", []string{"infisicalfs", "/mnt"}, []string{"--", "/mnt"}},
		{"everything, by another name", []string{"none", "/mnt"}, []string{"--", "/mnt"}},
		{"a project", []string{"demo", "/mnt"}, []string{"--project=demo", "--", "/mnt"}},
		{"an environment", []string{"demo/dev", "/mnt"}, []string{"--project=demo", "--env=dev", "--path=/", "--", "/mnt"}},
		{"a folder", []string{"demo/dev/a/b/", "/mnt"}, []string{"--project=demo", "--env=dev", "--path=/a/b", "--", "/mnt"}},
		{"a mountpoint like a flag", []string{"demo", "-o", "rw", "--", "/mnt"}, []string{"--project=demo", "--", "/mnt"}},
		{"what mount(8) and systemd say", []string{"demo", "/mnt", "-n", "-v", "-o", "rw,noexec,nosuid,nodev,user=me,_netdev,nofail,x-systemd.automount,X-mount.mkdir=0700"},
			[]string{"--project=demo", "--", "/mnt"}},
		{"the type", []string{"demo", "/mnt", "-t", "infisicalfs"}, []string{"--project=demo", "--", "/mnt"}},
		{"options", []string{"demo", "/mnt", "-o", "ro,allow_other,max-stale=5m", "-ottl=1m,,uid=7"},
			[]string{"--read-only", "--allow-other", "--max-stale=5m", "--ttl=1m", "--uid=7", "--project=demo", "--", "/mnt"}},
		{"never a configured mount", []string{"demo", "mnt"}, []string{"--project=demo", "--", "./mnt"}},
		{"a value with an equals sign", []string{"demo", "/mnt", "-o", "token-file=/a=b"}, []string{"--token-file=/a=b", "--project=demo", "--", "/mnt"}},
		{"a comma in quotes", []string{"demo", "/mnt", "-o", `ro,chmod="KEY=0400,nobody:root",ttl=1m`, `-oinclude="a,b*","exclude=c,d"`},
			[]string{"--read-only", "--chmod=KEY=0400,nobody:root", "--ttl=1m", "--include=a,b*", "--exclude=c,d", "--project=demo", "--", "/mnt"}},
		{"quotes without need", []string{"demo", "/mnt", "-o", `ttl="1m",x-systemd.automount="a,b"`}, []string{"--ttl=1m", "--project=demo", "--", "/mnt"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := helperArguments(c.args)
			require.NoError(t, err)
			require.Equal(t, append([]string{"mount", "--project-file=false"}, c.want...), got)
		})
	}
}

func TestHelperArgumentsForTryingOut(t *testing.T) {
	for _, flag := range []string{"-f", "-sfv"} {
		got, err := helperArguments([]string{"demo", "/mnt", flag})
		require.NoError(t, err)
		require.Nil(t, got, flag)
	}
}

func TestHelperArgumentsMissing(t *testing.T) {
	for _, args := range [][]string{nil, {"demo"}, {"demo", "/mnt", "/more"}, {"-o", "rw", "demo"}} {
		_, err := helperArguments(args)
		require.Equal(t, exitcode.Usage, exitcode.Of(err), "%q", args)
		require.Contains(t, hintFor(err), "in fstab:")
	}
}

func TestHelperArgumentsWrong(t *testing.T) {
	for _, c := range []struct{ options, complaint, hint string }{
		{"rw,remount", "a mount cannot be changed", "unmount it and mount it again"},
		{`ro,chmod="KEY=0400,nobody`, "a double quote in the options is not closed", `chmod="`},
	} {
		_, err := helperArguments([]string{"demo", "/mnt", "-o", c.options})
		require.Equal(t, exitcode.Usage, exitcode.Of(err), c.options)
		require.ErrorContains(t, err, c.complaint)
		require.Contains(t, hintFor(err), c.hint)
		require.NotContains(t, err.Error(), "nobody")
	}
}
