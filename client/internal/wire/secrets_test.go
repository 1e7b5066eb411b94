package wire

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/client/internal/jsonstream"
	"infisicalfs/secret"
)

// list reads an answer to "list secrets".
func list(text string, want Options, most int) (*SecretList, error) {
	return listWithin(text, want, most, 64<<20)
}

// listWithin is list with so many bytes to keep it in.
func listWithin(text string, want Options, most int, bytes int64) (*SecretList, error) {
	memory := jsonstream.NewMemory(bytes, 1<<30)
	ctx := memory.WithAllowance(context.Background())
	want.MaxEntries = most
	s, h := jsonstream.New(strings.NewReader(text), memory.MaxRead()), memory.Reserve(ctx)
	got := ReadSecrets(s, h, want)
	h.End(s.Err() != nil)
	if s.Err() == nil {
		return got, nil
	}
	if all := memory.Reserve(ctx); all.Keep(int(bytes)) != nil {
		return nil, errors.New("what failed still counts")
	} else {
		all.End(true)
	}
	return nil, s.Err()
}

func TestAListThatContradictsItself(t *testing.T) {
	for name, text := range map[string]string{
		"secrets twice":     `{"secrets":[],"secrets":[{"secretKey":"K","secretValue":"v"}]}`,
		"imports twice":     `{"secrets":[],"imports":[],"imports":[]}`,
		"a name twice":      `{"secrets":[{"secretKey":"A","secretKey":"B","secretValue":"v"}]}`,
		"a value twice":     `{"secrets":[{"secretKey":"A","secretValue":"v","secretValue":"w"}]}`,
		"an import twice":   `{"secrets":[],"imports":[{"secretPath":"/a","secretPath":"/b","environment":"dev","secrets":[]}]}`,
		"no name":           `{"secrets":[{"secretValue":"v"}]}`,
		"a number as name":  `{"secrets":[{"secretKey":7,"secretValue":"v"}]}`,
		"a number as value": `{"secrets":[{"secretKey":"A","secretValue":7}]}`,
		"a text as version": `{"secrets":[{"secretKey":"A","secretValue":"v","version":"1"}]}`,
		"an object as list": `{"secrets":{"secretKey":"A"}}`,
		"a list of texts":   `{"secrets":["A"]}`,
		"no list":           `{"imports":[]}`,
		"null":              `{"secrets":null}`,
		"a list":            `[]`,
	} {
		_, err := list(text, Options{Values: true}, 10)
		require.ErrorAs(t, err, new(jsonstream.ShapeError), name)
		require.NotContains(t, err.Error(), `"v"`, name)
	}
	for _, text := range []string{"", "{", `{"secrets":[]`, `{"secrets":[]}x`, `{"secrets":[]} {}`, "<html>", `{"secrets":[{"secretKey":"A","secretValue":"v"}`} {
		_, err := list(text, Options{Values: true}, 10)
		require.ErrorIs(t, err, jsonstream.ErrNotJSON, text)
	}
}

// An entry that cannot be is an error by itself; the others are as sent.
func TestAGarbledEntryStandsAlone(t *testing.T) {
	for _, one := range []string{
		"\"secretKey\":\"B\xff\",\"secretValue\":\"fine\"", "\"secretKey\":\"B\",\"secretValue\":\"bad\xfe\"", `"secretKey":"B","secretValue":"\ud800"`, `"secretKey":"\udfff","secretValue":"fine"`,
		`"secretKey":"B","secretValue":"fine","version":-1`, `"secretKey":"B","secretValue":"fine","version":1.5`,
		`"secretKey":"B","secretValue":"fine","version":1e400`, `"secretKey":"B","secretValue":"fine","version":99999999999999999999`,
	} {
		got, err := list(`{"secrets":[{"secretKey":"A","secretValue":"a","version":1},{`+one+`},{"secretKey":"C","secretValue":"c"}]}`, Options{Values: true}, 10)
		require.NoError(t, err, one)
		own := got.Own[""]
		require.Len(t, own, 3, one)
		require.Equal(t, "a", own[0].Value.Reveal())
		require.Equal(t, "c", own[2].Value.Reveal())
		bad := own[1]
		require.True(t, bad.Hidden && bad.Garbled, one)
		require.False(t, bad.Denied(), one)
		require.ErrorIs(t, bad.Unreadable(), secret.ErrUnavailable)
		require.NotErrorIs(t, bad.Unreadable(), secret.ErrDenied)
		require.Zero(t, bad.Value.Len())
		require.NotContains(t, bad.Name, "\ufffd")
		require.Equal(t, 1, got.Garbled)
	}
}

func TestDatesThatCannotBe(t *testing.T) {
	for _, date := range []string{"", "yesterday", "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "2024-13-01T00:00:00Z", "1969-12-31T23:59:59Z"} {
		require.True(t, dateOf([]byte(date)).IsZero(), date)
	}
	require.Equal(t, 2024, dateOf([]byte("2024-10-02T10:00:00.123Z")).Year())
}

func TestMoreThanAFolderMayHold(t *testing.T) {
	entries := func(n int) string {
		return strings.TrimSuffix(strings.Repeat(`{"secretKey":"K","secretValue":"v"},`, n), ",")
	}
	_, err := list(`{"secrets":[`+entries(10)+`]}`, Options{Values: true}, 10)
	require.NoError(t, err)
	for _, text := range []string{
		`{"secrets":[` + entries(11) + `]}`,
		`{"secrets":[` + entries(5) + `],"imports":[{"secrets":[` + entries(6) + `]}]}`,
		`{"secrets":[` + entries(11), // which is known before the rest is there
	} {
		_, err := list(text, Options{Values: true}, 10)
		require.ErrorIs(t, err, secret.ErrTooLarge)
		require.ErrorContains(t, err, "--max-secrets")
	}
	// Few entries may take too much memory just as well.
	many := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	large := `{"secretKey":"K","secretValue":"` + strings.Repeat("x", 100<<10) + `"}`
	_, err = listWithin(`{"secrets":[`+many(9, large)+`]}`, Options{Values: true}, 100, 1<<20)
	require.NoError(t, err)
	_, err = listWithin(`{"secrets":[`+many(11, large)+`]}`, Options{Values: true}, 100, 1<<20)
	require.ErrorIs(t, err, secret.ErrTooLarge)
	tagged := `{"secretKey":"K","secretValue":"v","tags":[` + many(10_000, `{"id":"x","slug":"y"}`) + `]}`
	_, err = listWithin(`{"secrets":[`+tagged+`]}`, Options{Values: true}, 100, 1<<20)
	require.ErrorIs(t, err, secret.ErrTooLarge)
}
