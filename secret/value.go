package secret

import (
	"fmt"
	"log/slog"
)

const redacted = "[secret]"

// Value is a secret's value. It shows itself to nobody by accident: every fmt
// verb, encoder and logger gets a placeholder. [Value.Reveal] is the one way
// out. The zero Value is the empty string.
//
// The text is behind a *string because fmt cannot call methods on a Value in
// somebody's unexported field; it then prints the field itself, and a *string
// (unlike a *[]byte) is never followed.
type Value struct{ text *string }

// NewValue wraps text.
func NewValue(text string) Value { return Value{&text} }

// Reveal returns the text. Calls to it are few and easy to find: reading a
// file, rendering a view, sending it to the server.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// Len returns the length in bytes, which is the size of the file.
func (v Value) Len() int { return len(v.Reveal()) }

// Equal reports whether both hold the same text.
func (v Value) Equal(other Value) bool { return v.Reveal() == other.Reveal() }

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
