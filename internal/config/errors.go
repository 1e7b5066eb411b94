package config

import (
	"fmt"
	"strings"
)

// Error says what is wrong with a file, where, and what to do about it. It holds
// names and keys of the file, never a value.
type Error struct {
	At   Position
	Text string
	Hint string
}

// Error is one line, without the hint.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.At, e.Text) }

func listHint(what string, names []string) string {
	if len(names) == 0 {
		return "no " + what + " are configured"
	}
	return "configured " + what + ": " + strings.Join(names, ", ")
}

// quote makes a key fit for a message, whatever somebody has put there.
func quote(key string) string {
	const enough = 40
	if runes := []rune(key); len(runes) > enough {
		key = string(runes[:enough]) + "…"
	}
	return fmt.Sprintf("%q", key)
}
