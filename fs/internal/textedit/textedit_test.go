package textedit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// What no text can have is refused by the write itself. Characters that are cut
// between two writes are none of that.
func TestBytesOfNoText(t *testing.T) {
	for _, c := range []struct {
		what   string
		before string // what the file has
		off    int
		data   string
		want   bool
	}{
		{"a byte of no character", "", 0, "\xff", true},
		{"in the middle", "", 0, "abc\xc0def", true},
		{"an end at the beginning", "", 0, "\x82\xac", true},
		{"an end after a whole character", "a", 1, "\x82\xac", true},
		{"an overlong form", "", 0, "\xc0\xaf", true},
		{"a surrogate", "", 0, "\xed\xa0\x80", true},
		{"a beginning in the middle", "", 0, "\xe2\x82a", true},
		{"text", "", 0, "text \u20ac \U0001f511\x00", false},
		{"a beginning at the end", "", 0, "a\xe2\x82", false},
		{"its last byte", "a\xe2\x82", 3, "\xac and more", false},
		{"its last two", "a\xe2", 2, "\x82\xac", false},
		{"three of four", "\xf0", 1, "\x9f\x94\x91", false},
		{"one too many", "a\xe2\x82", 3, "\xac\xac", true},
		{"what was cut by others and is written over", "aaaaaaaa", 4, "\x82\xac", false},
		{"behind a gap, which others may fill", "", 100, "\x82\xac", false},
		{"more than a character's end behind a gap", "", 100, "\x82\x82\x82\x82", true},
		{"nothing", "", 0, "", false},
	} {
		text := &Text{}
		text.writeAt([]byte(c.before), 0)
		require.Equal(t, c.want, text.Refuses([]byte(c.data), c.off), c.what)
	}
}

// A text that is written in order in pieces of any size is never refused, and what
// is no text is, at the latest as a whole.
func TestPiecesOfAText(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "\u00e4", "\u20ac", "\U0001f511", "\x00", "\xff", "\xe2\x82"}
	for range 5000 {
		var whole strings.Builder
		for range r.IntN(8) {
			whole.WriteString(pieces[r.IntN(len(pieces))])
		}
		want := secret.NewValue(whole.String())
		text, refused := &Text{}, false
		for off := 0; off < want.Len() && !refused; {
			n := min(1+r.IntN(5), want.Len()-off)
			if refused = text.Refuses([]byte(whole.String()[off:off+n]), off); !refused {
				Edit{Data: []byte(whole.String()[off : off+n]), Off: int64(off)}.Do(text)
			}
			off += n
		}
		valid := !refused && text.Valid()
		require.Equal(t, strings.ToValidUTF8(whole.String(), "") == whole.String(), valid, "%q", whole.String())
		if !refused {
			require.Equal(t, whole.String(), text.Value().Reveal())
		}
	}
}

func TestEdits(t *testing.T) {
	for name, c := range map[string]struct {
		before string
		edit   Edit
		after  string
		errno  syscall.Errno
	}{
		"written over":       {"hello", Edit{Data: []byte("J")}, "Jello", 0},
		"past the end":       {"hello", Edit{Data: []byte("lo, you"), Off: 3}, "hello, you", 0},
		"behind a gap":       {"a", Edit{Data: []byte("b"), Off: 3}, "a\x00\x00b", 0},
		"nothing far behind": {"a", Edit{Off: 100}, "a", 0},
		"cut":                {"hello", Edit{Off: 2, Cut: true}, "he", 0},
		"emptied":            {"hello", Edit{Cut: true}, "", 0},
		"extended":           {"he", Edit{Off: 4, Cut: true}, "he\x00\x00", 0},
		"too far":            {"a", Edit{Data: []byte("b"), Off: math.MaxInt32 + 1}, "", syscall.EFBIG},
		"too long":           {"a", Edit{Off: math.MaxInt64, Cut: true}, "", syscall.EFBIG},
	} {
		text := &Text{}
		text.Set(secret.NewValue(c.before))
		size, errno := c.edit.Size(text.Len())
		require.Equal(t, c.errno, errno, name)
		if errno != 0 {
			continue
		}
		require.Len(t, c.after, size, name)
		require.Equal(t, c.after, text.With(c.edit).Reveal(), name)
		require.Equal(t, c.before, text.Value().Reveal(), "it was only asked")
		c.edit.Do(text)
		require.Equal(t, c.after, text.Value().Reveal(), name)
	}
}

// What was cut off does not come back, and what is let go of is wiped.
func TestWhatIsNoLongerNeededIsWiped(t *testing.T) {
	text := &Text{}
	text.Set(secret.NewValue("hello"))
	first := text.b
	text.Resize(2)
	text.Resize(4)
	require.Equal(t, "he\x00\x00", text.Value().Reveal())
	text.Resize(1000) // elsewhere
	require.Equal(t, make([]byte, 5), first[:5])
	second := text.b
	text.Wipe()
	require.Zero(t, text.Len())
	require.Equal(t, make([]byte, 1000), second)
}

func TestReading(t *testing.T) {
	text := &Text{}
	text.Set(secret.NewValue("hello"))
	for off, want := range map[int64]string{-1: "", 0: "hel", 3: "lo", 5: "", 100: ""} {
		p := make([]byte, 3)
		require.Equal(t, want, string(p[:text.ReadAt(p, off)]))
	}
}

// Edits in any order come to the same as edits of a slice of bytes.
func TestRandomEdits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		text, plain := &Text{}, []byte{}
		for range 20 {
			e := Edit{Off: int64(r.IntN(40)), Cut: r.IntN(3) == 0}
			if !e.Cut {
				e.Data = []byte(fmt.Sprint(r.IntN(100000)))
			}
			size, errno := e.Size(text.Len())
			require.Zero(t, errno)
			plain = append(plain, make([]byte, max(0, size-len(plain)))...)[:size]
			copy(plain[min(size, int(e.Off)):], e.Data)
			e.Do(text)
			require.True(t, slices.Equal(plain, text.b))
		}
	}
}

// An edit that leaves the text as it is is none for who reads it.
func TestWhatAnEditChanges(t *testing.T) {
	for what, c := range map[string]struct {
		edit Edit
		want bool
	}{
		"the same length":        {Edit{Off: 5, Cut: true}, false},
		"shorter":                {Edit{Off: 4, Cut: true}, true},
		"longer":                 {Edit{Off: 6, Cut: true}, true},
		"all of it":              {Edit{Data: []byte("hello")}, false},
		"a part":                 {Edit{Data: []byte("ll"), Off: 2}, false},
		"other bytes":            {Edit{Data: []byte("lo"), Off: 2}, true},
		"the same, and more":     {Edit{Data: []byte("o!"), Off: 4}, true},
		"behind the end":         {Edit{Data: []byte("x"), Off: 9}, true},
		"nothing":                {Edit{Off: 2}, false},
		"nothing behind the end": {Edit{Off: 9}, false},
		"where nothing can be":   {Edit{Off: math.MaxInt32 + 1, Cut: true}, true},
	} {
		text := &Text{}
		text.writeAt([]byte("hello"), 0)
		require.Equal(t, c.want, c.edit.Changes(text), what)
		size, errno := c.edit.Size(text.Len())
		if errno != 0 {
			continue
		}
		require.Less(t, size, 100)
		c.edit.Do(text)
		require.Equal(t, c.want, string(text.b) != "hello", what)
	}
}
