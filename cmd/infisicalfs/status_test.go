package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/fs"
	"infisicalfs/internal/mount"
)

// What a mount is called and why it refused something are told to people too.
func TestStatusNamesVolumeAndRefusal(t *testing.T) {
	s := mount.Status{Volume: "shop"}
	s.FS.Writes = &fs.WriteCounts{LastRefusal: "link /demo/dev/X: a secret has one name"}
	var out strings.Builder
	require.NoError(t, printStatus(&out, s, nil))
	require.Regexp(t, `(?m)^volume +shop$`, out.String())
	require.Regexp(t, `(?m)^last refusal +link /demo/dev/X: a secret has one name$`, out.String())
}

// An error of yesterday is not to be taken for one of now.
func TestLastErrorHasItsAge(t *testing.T) {
	for at, want := range map[time.Time]string{
		time.Now().Add(-3*time.Minute - time.Second): "last error  3m ago: unavailable\n",
		{}: "last error  unavailable\n", // by a version that does not say when
	} {
		var s mount.Status
		s.Cache.LastError = &cache.Failure{At: at, Text: "unavailable"}
		var out strings.Builder
		require.NoError(t, printStatus(&out, s, nil))
		require.Contains(t, out.String(), want)
	}
}

func TestAge(t *testing.T) {
	for age, want := range map[time.Duration]string{
		-time.Second:                    "0s",
		0:                               "0s",
		59*time.Second + 999999999:      "59s",
		time.Minute:                     "1m",
		59*time.Minute + 59*time.Second: "59m",
		3 * time.Hour:                   "3h",
		47 * time.Hour:                  "47h",
		50 * time.Hour:                  "2d",
	} {
		require.Equal(t, want, short(age), age)
	}
}
