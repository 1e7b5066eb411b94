package layout

import (
	"strings"

	"infisicalfs/secret"
)

// value returns what is shown of a value.
func (l *Layout) value(v secret.Value) secret.Value {
	switch {
	case l.cfg.TrimNewline && endsLine(v):
		return secret.NewValue(strings.TrimRight(v.Reveal(), "\r\n"))
	case l.cfg.AddNewline && !endsLine(v):
		return secret.NewValue(v.Reveal() + "\n")
	}
	return v
}

// endsLine reports whether a value ends in a newline, and reveals no more of it.
func endsLine(v secret.Value) bool {
	var last [1]byte
	return v.CopyAt(last[:], int64(v.Len())-1) == 1 && last[0] == '\n'
}
