package view

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a secret may be called in a dialect. Each returns why not, or nothing.

// identifier is for environment variables as POSIX has them.
func identifier(name string) string {
	for i, c := range []byte(name) {
		letter := c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return notAVariable
		}
	}
	if name == "" {
		return notAVariable
	}
	return ""
}

const notAVariable = "a variable's name has only letters, digits and underscores, and no digit first"

// dotenvName is the letters that all readers of .env files agree on.
func dotenvName(name string) string {
	switch {
	case identifier(strings.ReplaceAll(name, ".", "_")) != "":
		return "a name in it has only letters, digits, dots and underscores, and no digit first"
	case name == "__proto__":
		return "JavaScript keeps that name for itself"
	}
	return ""
}

// dockerName is what a line can begin with.
func dockerName(name string) string {
	unfit := func(r rune) bool {
		return r == '=' || r == '\ufeff' || r == utf8.RuneError || unicode.IsSpace(r) || unicode.IsControl(r)
	}
	if name == "" || name[0] == '#' || strings.ContainsFunc(name, unfit) {
		return "a name in it has no white space, no equals sign and no # first"
	}
	return ""
}

// anyName is for quoted names.
func anyName(name string) string {
	if !utf8.ValidString(name) {
		return "the name is not UTF-8"
	}
	return ""
}

// yamlName also is one that readers still find the end of: they look no further
// than 1024 characters.
func yamlName(name string) string {
	if len(name) > 100 {
		quoted := new(buffer)
		quote(quoted, []byte(name))
		if len(quoted.b) > 1000 {
			return "the name is too long for a key"
		}
	}
	return anyName(name)
}
