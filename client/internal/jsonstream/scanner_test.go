package jsonstream

import (
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
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
	s := New(in, 1<<30)
	s.Skip()
	s.Finish()
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
				s := New(arrive(strings.NewReader(strings.Repeat(" ", indent)+string(encoded))), 1<<30)
				got, ok := s.Text("it")
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
			s := New(arrive(strings.NewReader(written)), 1<<30)
			got, sound := s.Text("it")
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
		require.ErrorAs(t, document(strings.NewReader(text)), new(ShapeError), name)
	}
	s := New(strings.NewReader(strings.Repeat(" ", 1001)), 1000)
	s.Skip()
	require.ErrorIs(t, s.err, ErrTooMuch)
	s = New(io.MultiReader(strings.NewReader(`"`), endless('x')), 1<<40)
	s.Text("it")
	require.ErrorIs(t, s.err, ErrTooMuch)
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
		s := New(strings.NewReader(written), 1<<30)
		text, _ := s.Text("it")
		require.True(t, strings.HasPrefix(string(text), fake))
		s.Wipe()
		require.NotContains(t, string(s.window), fake)
		require.NotContains(t, string(s.text[:cap(s.text)]), fake)
	}
}
