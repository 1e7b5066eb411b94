package secret

import (
	"fmt"
	"hash/maphash"
	"log/slog"
	"runtime"
	"strings"
	"unsafe"
)

const redacted = "[secret]"

// Value is a secret's value. It shows itself to nobody by accident: every fmt
// verb, encoder and logger gets a placeholder. [Value.Reveal] is the one way
// out. The zero Value is the empty string.
//
// The text is behind a *string because fmt cannot call methods on a Value in
// somebody's unexported field; it then prints the field itself, and a *string
// (unlike a *[]byte) is never followed.
type Value struct{ text *string } // in the arena; nil: empty

// NewValue copies text into locked memory.
func NewValue(text string) Value {
	return ValueOf(unsafe.Slice(unsafe.StringData(text), len(text)))
}

// ValueOf copies text into locked memory. The original is the caller's to wipe.
func ValueOf(text []byte) Value {
	if len(text) == 0 {
		return Value{}
	}
	c := values.take(len(text))
	copy(c.pages, text)
	kept := unsafe.String(&c.pages[0], len(text))
	c.giveAfter(&kept)
	return Value{&kept}
}

// Reveal returns a copy of the text. Calls to it are few and easy to find:
// rendering a view, sending it to the server.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	defer runtime.KeepAlive(v.text) // the memory goes with it
	return strings.Clone(*v.text)
}

// CopyAt copies what of the text begins at offset off into p, and returns how
// many bytes that were. It leaves no other copy behind.
func (v Value) CopyAt(p []byte, off int64) int {
	if v.text == nil || off < 0 || off >= int64(len(*v.text)) {
		return 0
	}
	defer runtime.KeepAlive(v.text)
	return copy(p, (*v.text)[off:])
}

// Len returns the length in bytes, which is the size of the file.
func (v Value) Len() int {
	if v.text == nil {
		return 0
	}
	return len(*v.text)
}

// Equal reports whether both hold the same text.
func (v Value) Equal(other Value) bool {
	switch {
	case v.text == other.text:
		return true
	case v.text == nil || other.text == nil:
		return v.Len() == other.Len()
	}
	defer runtime.KeepAlive(v.text)
	defer runtime.KeepAlive(other.text)
	return *v.text == *other.text
}

// HasReference reports whether the text contains a reference to another secret,
// ${…}, which servers expand when asked to.
func (v Value) HasReference() bool {
	if v.text == nil {
		return false
	}
	defer runtime.KeepAlive(v.text)
	return strings.Contains(*v.text, "${")
}

// Unlocked returns how many bytes of memory for values could not be locked
// since the start, because the process may lock only so much (ulimit -l).
func Unlocked() int64 { return values.unlocked.Load() }

// String returns a placeholder, never the text.
func (v Value) String() string { return redacted }

// Format implements [fmt.Formatter] for all verbs with the placeholder.
func (v Value) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// GoString is %#v: the placeholder.
func (v Value) GoString() string { return redacted }

// LogValue implements [slog.LogValuer] with the placeholder.
func (v Value) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText makes encoders that look for it write the placeholder.
func (v Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON makes encoding/json write the placeholder.
func (v Value) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// GobEncode makes encoding/gob write the placeholder.
func (v Value) GobEncode() ([]byte, error) { return []byte(redacted), nil }

var seed = maphash.MakeSeed()

// Fingerprint returns a number that tells texts apart without keeping them: it
// is the same for equal texts, for different ones with a chance of one in 2⁶⁴,
// and never 0. It means nothing outside of this process.
func (v Value) Fingerprint() uint64 {
	if v.text == nil {
		return 1
	}
	defer runtime.KeepAlive(v.text)
	return max(1, maphash.String(seed, *v.text))
}
