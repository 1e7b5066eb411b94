package view

import (
	"bytes"
	"slices"
	"unicode"
)

// EnvDialect says for which readers the view .env is written: they disagree about
// dollar signs, whatever quotes are around them. The readers of each are tried in
// internal/compat.
type EnvDialect string

const (
	// EnvStrict is for all readers: what one of them would run, expand or leave out
	// is refused.
	EnvStrict EnvDialect = "strict"
	// EnvLiteral is for readers that expand nothing between single quotes but ${, as
	// node's dotenv, python-dotenv and godotenv.
	EnvLiteral EnvDialect = "literal"
	// EnvExpand is for readers that expand dollar signs in any quotes, as dotenv-expand,
	// Next.js, Vite and Bun: each has a backslash. It is what .env.expand always is.
	EnvExpand EnvDialect = "expand"
	// EnvCompose is for readers that have escapes between double quotes, as Compose,
	// phpdotenv and Symfony. It is what .env.compose always is.
	EnvCompose EnvDialect = "compose"
)

// EnvDialects are all of them.
func EnvDialects() []EnvDialect {
	return []EnvDialect{EnvStrict, EnvLiteral, EnvExpand, EnvCompose}
}

// entry is how a secret is written for the dialect's readers.
func (d EnvDialect) entry() func(p *buffer, name string, value []byte) (why string) {
	switch d {
	case EnvLiteral:
		return literalDotenv
	case EnvExpand:
		return expandDotenv
	case EnvCompose:
		return composeDotenv
	default:
		return strictDotenv
	}
}

// strictDotenv writes what all readers read alike.
func strictDotenv(p *buffer, name string, value []byte) string {
	switch {
	case bytes.Contains(value, []byte("$(")):
		return runsCommand
	case bytes.Contains(value, []byte("${")):
		return "the value has ${, which readers expand"
	case bytes.Contains(value, []byte(`\$`)):
		return `the value has \$, of which some readers leave out the backslash: .env.expand, .env.compose and --env-dialect are for one kind of them`
	case expands(value):
		return "the value has a dollar sign that some readers expand, as in $word: .env.expand, .env.compose and --env-dialect are for one kind of them"
	}
	return literalDotenv(p, name, value)
}

const runsCommand = "the value has $(, which dotenv-expand runs as a command"

// expands reports whether value has a dollar sign that readers take for a variable's.
func expands(value []byte) bool {
	for i, c := range value[:max(0, len(value)-1)] {
		next := value[i+1]
		if c == '$' && (next == '_' || '0' <= next && next <= '9' || 'a' <= next|0x20 && next|0x20 <= 'z') {
			return true
		}
	}
	return false
}

// literalDotenv is for the libraries called dotenv. There is no standard: backslashes,
// dollar signs and carriage returns mean something else to each of them. So a
// value is written in the one of three ways in which nothing in it means anything
// to them, or not at all. With both kinds of quotes in it that is the way without
// quotes: most readers take it, and the others fail; escapes are misread by most. Where
// there is a choice, lines are put between double quotes: phpdotenv has no others for them.
func literalDotenv(p *buffer, name string, value []byte) string {
	has := func(chars string) bool { return bytes.ContainsAny(value, chars) }
	var q string
	switch {
	case has("\x00"):
		return hasNUL
	case has("\r"):
		return hasReturn
	case bytes.Contains(value, []byte("${")):
		return "the value has ${, which python-dotenv expands"
	case spaceAtLineEnd(value):
		return "the value's first line ends in white space, which viper cuts off"
	case spaceAtStart(value) && has(`\`):
		return "the value begins with white space and has a backslash, which viper misreads"
	case has("\n") && !has("\"\\$`"):
		q = `"`
	case !has("'") && !bytes.Contains(value, []byte(`\\`)) && !bytes.HasSuffix(value, []byte(`\`)):
		q = "'"
	case !has("\"\\$"):
		q = `"`
	case !plain(value):
		return "readers disagree about this mixture of quotes, backslashes or dollar signs"
	}
	writeDotenv(p, name, q, value)
	return ""
}

// expandDotenv gives each dollar sign a backslash, which these readers take away
// again. They run $( all the same.
func expandDotenv(p *buffer, name string, value []byte) string {
	has := func(chars string) bool { return bytes.ContainsAny(value, chars) }
	q := ""
	switch {
	case has("\x00"):
		return hasNUL
	case has("\r"):
		return hasReturn
	case bytes.Contains(value, []byte("$(")):
		return runsCommand
	case bytes.Contains(value, []byte(`\$`)):
		return `the value has \$, of which these readers leave out the backslash`
	case !has("'") && !bytes.HasSuffix(value, []byte(`\`)):
		q = "'"
	case !has(`"\`):
		q = `"`
	case !has("`") && !has(`\`):
		q = "`"
	default:
		return "readers disagree about this mixture of quotes and backslashes"
	}
	escaped := bytes.ReplaceAll(value, []byte("$"), []byte(`\$`))
	defer clear(escaped)
	writeDotenv(p, name, q, escaped)
	return ""
}

const hasReturn = "the value has a carriage return, which readers take for a line's end"

func writeDotenv(p *buffer, name, q string, value []byte) {
	p.add(name)
	p.addByte('=')
	p.add(q)
	p.addBytes(value)
	p.add(q)
	p.addByte('\n')
}

// gotenv, which is what viper reads these files with, trims the first line of a
// quoted value, and where a value begins with white space it looks at the wrong
// place whether a backslash escapes the quote at its end.

func spaceAtLineEnd(value []byte) bool {
	line, _, more := bytes.Cut(value, []byte("\n"))
	return more && len(bytes.TrimRightFunc(line, unicode.IsSpace)) < len(line)
}

func spaceAtStart(value []byte) bool {
	return len(bytes.TrimLeftFunc(value, unicode.IsSpace)) < len(value)
}

// plain reports whether a value means itself without quotes.
func plain(value []byte) bool {
	if bytes.ContainsAny(value, "\\$#") || bytes.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return false
	}
	return !slices.Contains([]byte("'\"` "), value[0]) && value[len(value)-1] != ' '
}
