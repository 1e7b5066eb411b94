package glob

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		pattern, path          string
		match, covers, entered bool
	}{
		{"KEY", "KEY", true, true, false},
		{"KEY", "key", false, false, false},
		{"KEY", "a/KEY", false, false, false},
		{"*", "KEY", true, true, false},
		{"*", "a/KEY", false, true, false},
		{"tls/*.key", "tls/server.key", true, true, false},
		{"tls/*.key", "tls/deep/server.key", false, false, false},
		{"tls/*.key", "tls", false, false, true},
		{"tls/*.key", "other", false, false, false},
		{"tls/*/x", "tls/a", false, false, true},
		{"tls/*/x", "tls/a/b", false, false, false},
		{"**/*.key", "server.key", true, true, true},
		{"**/*.key", "a/b/server.key", true, true, true},
		{"**/*.key", "a/b/server.pem", false, false, true},
		{"a/**", "a", true, true, true},
		{"a/**", "a/b/c", true, true, true},
		{"a/**", "b", false, false, false},
		{"a/**/z", "a/z", true, true, true},
		{"a/**/z", "a/b/c/z", true, true, true},
		{"a/**/z", "a/z/b", false, true, true},
		{"[A-C]?", "B1", true, true, false},
		{"[^A-C]?", "B1", false, false, false},
		{`\*`, "*", true, true, false},
	} {
		p, err := Parse(tc.pattern)
		require.NoError(t, err, tc.pattern)
		require.Equal(t, tc.pattern, p.String())
		elements := strings.Split(tc.path, "/")
		require.Equal(t, tc.match, p.Match(elements...), "%s matches %s", tc.pattern, tc.path)
		require.Equal(t, tc.covers, p.Covers(elements...), "%s covers %s", tc.pattern, tc.path)
		require.Equal(t, tc.entered, p.Enters(elements...), "%s enters %s", tc.pattern, tc.path)
	}
}

func TestANameWithASlashIsOneElement(t *testing.T) {
	p, err := Parse("a*b")
	require.NoError(t, err)
	require.True(t, p.Match("a/b"))
	require.False(t, p.Match("a", "b"))
}

func TestZeroPatternMatchesNothing(t *testing.T) {
	require.False(t, Pattern{}.Match())
	require.False(t, Pattern{}.Match("a"))
	require.False(t, Pattern{}.Covers("a"))
}

func TestBadPatterns(t *testing.T) {
	for _, bad := range []string{"", "/a", "a/", "a//b", "./a", "a/../b", "[a", `a\`, "a**", "a/**b"} {
		_, err := Parse(bad)
		require.Error(t, err, "%q", bad)
	}
}
