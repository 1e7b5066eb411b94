package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// arrivals are the ways in which a text may come over the wire.
var arrivals = map[string]func(io.Reader) io.Reader{
	"at once":           func(r io.Reader) io.Reader { return r },
	"byte by byte":      iotest.OneByteReader,
	"with its own end":  iotest.DataErrReader,
	"in halves":         iotest.HalfReader,
	"in an odd measure": func(r io.Reader) io.Reader { return oddly{r} },
}

type oddly struct{ io.Reader }

func (o oddly) Read(p []byte) (int, error) { return o.Reader.Read(p[:min(len(p), 7)]) }

// document takes one whole document and reports why it is none.
func document(in io.Reader) error {
	s := newScan(in, 1<<30)
	s.skip()
	s.finish()
	return s.err
}

// What is JSON to encoding/json is JSON here, and nothing else is, in whatever
// pieces it arrives: by documents that were spoilt in random places.
func TestTheScannerKnowsJSON(t *testing.T) {
	sound := []string{
		`{"secrets":[{"id":"a","version":3,"secretKey":"K","secretValue":"a\nb\u00e9\ud83d\ude00","tags":[],"x":null}],"imports":[]}`,
		`[1,-1.5e+10,0,true,false,null,"",{},[],[[{"a":[{}]}]]]`, ` "x" `, `-0`, `12`, "\t{ \"a\" :\r\n[ 1 , 2 ] } ",
	}
	random := rand.New(rand.NewPCG(1, 2))
	const letters = `{}[]",:\u0aZ1-.eE+ntf` + "\x00\x1f\xff \n"
	for _, doc := range sound {
		for range 300 {
			text := []byte(doc)
			for range random.IntN(3) {
				switch at := random.IntN(len(text)); random.IntN(3) {
				case 0:
					text[at] = letters[random.IntN(len(letters))]
				case 1:
					text = append(text[:at], text[at+1:]...)
				default:
					text = append(text[:at:at], append([]byte{letters[random.IntN(len(letters))]}, text[at:]...)...)
				}
			}
			for how, arrive := range arrivals {
				err := document(arrive(strings.NewReader(string(text))))
				require.Equal(t, json.Valid(text), err == nil, "%q, %s: %v", text, how, err)
			}
		}
	}
}

// Strings are what encoding/json makes of them, wherever the window ends.
func TestTheScannerReadsStrings(t *testing.T) {
	for _, text := range []string{"", "plain", "a\"b\\c/d\n\t\b\f\r\x00", "é€😀", strings.Repeat("x", 3*windowSize), strings.Repeat("\n😀", windowSize)} {
		encoded, err := json.Marshal(text)
		require.NoError(t, err)
		for _, indent := range []int{0, 1, windowSize - 3, windowSize - 1} {
			for how, arrive := range arrivals {
				s := newScan(arrive(strings.NewReader(strings.Repeat(" ", indent)+string(encoded))), 1<<30)
				got, ok := s.str("it")
				require.NoError(t, s.err, how)
				require.True(t, ok)
				require.True(t, string(got) == text, "%.20q, %s", text, how)
			}
		}
	}
}

func TestTheScannerTellsWhatIsNoText(t *testing.T) {
	for written, want := range map[string]string{
		"\"a\xffb\"":              "a\xffb",
		`"\ud800"`:                "\xed\xa0\x80",
		`"\udc00"`:                "\xed\xb0\x80",
		`"\ud83dx"`:               "\xed\xa0\xbdx",
		`"\ud83d\n"`:              "\xed\xa0\xbd\n",
		`"\ud83d\ud83d\ude00"`:    "\xed\xa0\xbd😀",
		`"\ude00\ud83d"`:          "\xed\xb8\x80\xed\xa0\xbd",
		"\"\xed\xa0\x80\"":        "\xed\xa0\x80",
		"\"\xc0\xaf\\u0041\"":     "\xc0\xafA",
		`"\ud83d\u0041\uD83D!"`:   "\xed\xa0\xbdA\xed\xa0\xbd!",
		"\"\xf4\x90\x80\x80 ok\"": "\xf4\x90\x80\x80 ok",
	} {
		for how, arrive := range arrivals {
			s := newScan(arrive(strings.NewReader(written)), 1<<30)
			got, sound := s.str("it")
			require.NoError(t, s.err, "%q %s", written, how)
			require.False(t, sound, "%q %s", written, how)
			require.Equal(t, want, string(got), "%q %s", written, how)
			require.False(t, utf8.ValidString(want))
		}
	}
}

func TestTheScannerHasBounds(t *testing.T) {
	require.NoError(t, document(strings.NewReader(strings.Repeat("[", maxNesting)+strings.Repeat("]", maxNesting))))
	for name, text := range map[string]string{
		"nested":  strings.Repeat("[", 1000000),
		"objects": strings.Repeat(`{"a":`, 1000000),
		"digits":  strings.Repeat("1", 1000000),
	} {
		require.ErrorAs(t, document(strings.NewReader(text)), new(shapeError), name)
	}
	s := newScan(strings.NewReader(strings.Repeat(" ", 1001)), 1000)
	s.skip()
	require.ErrorIs(t, s.err, errTooMuch)
	s = newScan(io.MultiReader(strings.NewReader(`"`), endless('x')), 1<<40)
	s.str("it")
	require.ErrorIs(t, s.err, errTooMuch)
	require.LessOrEqual(t, cap(s.text), 2*maxText)

	broken := errors.New("broken")
	require.ErrorIs(t, document(io.MultiReader(strings.NewReader(`[1,`), iotest.ErrReader(broken))), broken)
}

// endless repeats one character.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

// What was read does not stay in the scanner's memory.
func TestTheScannerIsWiped(t *testing.T) {
	const fake = "fake-value-that-must-go"
	for _, written := range []string{`"` + fake + `"`, `"` + fake + `\n"`, `"` + strings.Repeat(fake, windowSize) + `"`} {
		s := newScan(strings.NewReader(written), 1<<30)
		text, _ := s.str("it")
		require.True(t, strings.HasPrefix(string(text), fake))
		s.wipe()
		require.NotContains(t, string(s.window), fake)
		require.NotContains(t, string(s.text[:cap(s.text)]), fake)
	}
}

// list reads an answer to "list secrets".
func list(text string, want listing, most int) (*secretList, error) {
	return listWithin(text, want, most, 64<<20)
}

// listWithin is list with so many bytes to keep it in.
func listWithin(text string, want listing, most int, bytes int64) (*secretList, error) {
	c := &Client{large: make(chan struct{}, 1)}
	c.cfg.MaxSecrets = most
	allowed := &allowance{}
	allowed.left.Store(bytes)
	got := &secretList{}
	s, h := newScan(strings.NewReader(text), 1<<30), c.hold(context.WithValue(context.Background(), allowanceKey{}, allowed))
	(&listReader{want: want, most: most, scan: s, hold: h, list: got}).read()
	if h.end(s.err != nil); s.err != nil && allowed.left.Load() != bytes {
		return nil, errors.New("what failed still counts")
	}
	return got, s.err
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
		_, err := list(text, listing{values: true}, 10)
		require.ErrorAs(t, err, new(shapeError), name)
		require.NotContains(t, err.Error(), `"v"`, name)
	}
	for _, text := range []string{"", "{", `{"secrets":[]`, `{"secrets":[]}x`, `{"secrets":[]} {}`, "<html>", `{"secrets":[{"secretKey":"A","secretValue":"v"}`} {
		_, err := list(text, listing{values: true}, 10)
		require.ErrorIs(t, err, errNotJSON, text)
	}
}

// An entry that cannot be is an error by itself; the others are as sent.
func TestAGarbledEntryStandsAlone(t *testing.T) {
	for _, one := range []string{
		"\"secretKey\":\"B\xff\",\"secretValue\":\"fine\"", "\"secretKey\":\"B\",\"secretValue\":\"bad\xfe\"", `"secretKey":"B","secretValue":"\ud800"`, `"secretKey":"\udfff","secretValue":"fine"`,
		`"secretKey":"B","secretValue":"fine","version":-1`, `"secretKey":"B","secretValue":"fine","version":1.5`,
		`"secretKey":"B","secretValue":"fine","version":1e400`, `"secretKey":"B","secretValue":"fine","version":99999999999999999999`,
	} {
		got, err := list(`{"secrets":[{"secretKey":"A","secretValue":"a","version":1},{`+one+`},{"secretKey":"C","secretValue":"c"}]}`, listing{values: true}, 10)
		require.NoError(t, err, one)
		own := got.own[""]
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
		require.Equal(t, 1, got.garbled)
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
	_, err := list(`{"secrets":[`+entries(10)+`]}`, listing{values: true}, 10)
	require.NoError(t, err)
	for _, text := range []string{
		`{"secrets":[` + entries(11) + `]}`,
		`{"secrets":[` + entries(5) + `],"imports":[{"secrets":[` + entries(6) + `]}]}`,
		`{"secrets":[` + entries(11), // which is known before the rest is there
	} {
		_, err := list(text, listing{values: true}, 10)
		require.ErrorIs(t, err, secret.ErrTooLarge)
		require.ErrorContains(t, err, "--max-secrets")
	}
	// Few entries may take too much memory just as well.
	many := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	large := `{"secretKey":"K","secretValue":"` + strings.Repeat("x", 100<<10) + `"}`
	_, err = listWithin(`{"secrets":[`+many(9, large)+`]}`, listing{values: true}, 100, 1<<20)
	require.NoError(t, err)
	_, err = listWithin(`{"secrets":[`+many(11, large)+`]}`, listing{values: true}, 100, 1<<20)
	require.ErrorIs(t, err, secret.ErrTooLarge)
	tagged := `{"secretKey":"K","secretValue":"v","tags":[` + many(10_000, `{"id":"x","slug":"y"}`) + `]}`
	_, err = listWithin(`{"secrets":[`+tagged+`]}`, listing{values: true}, 100, 1<<20)
	require.ErrorIs(t, err, secret.ErrTooLarge)
}
