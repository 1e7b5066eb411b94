package view

import (
	"bytes"
	"strings"
	"unicode"
)

// maxVariable is how long an environment variable can be on Linux, with its
// name and the byte at its end: MAX_ARG_STRLEN, see execve(2). Who has a longer
// one in the environment cannot start a program.
const maxVariable = 128 << 10

const (
	hasNUL    = "the value has a NUL character"
	tooLong   = "the value is longer than an environment variable can be, 128 KiB"
	longLine  = "the value is longer than Docker reads, 64 KiB"
	manyLines = "the value has several lines, or a carriage return"
)

// shell is for the command "." of POSIX shells.
func shell(p *page, name string, value []byte) string {
	switch {
	case bytes.IndexByte(value, 0) >= 0:
		return hasNUL
	case len(name)+len(value)+len("=\x00") > maxVariable:
		return tooLong
	}
	p.add("export ")
	p.add(name)
	p.addByte('=')
	quoteWord(p, value)
	p.addByte('\n')
	return ""
}

// quoteWord writes one word of a POSIX shell. Between single quotes nothing means
// anything there but the single quote.
func quoteWord(p *page, text []byte) {
	p.addByte('\'')
	for _, c := range text {
		if c == '\'' {
			p.add(`'\''`)
		} else {
			p.addByte(c)
		}
	}
	p.addByte('\'')
}

// shellName keeps out what shells set themselves: they refuse to have it
// changed, or show something else than what it was set to.
func shellName(name string) string {
	if why := identifier(name); why != "" {
		return why
	}
	if shellsOwn[name] {
		return "shells keep that variable for themselves"
	}
	return ""
}

// shellsOwn is what the manuals of bash and dash say so of.
var shellsOwn = set(`_ BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND BASH_LINENO
	BASH_MONOSECONDS BASH_SOURCE BASH_SUBSHELL BASH_TRAPSIG BASH_VERSINFO COMP_WORDBREAKS DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME
	GROUPS HISTCMD LINENO OPTIND PIPESTATUS PPID RANDOM SECONDS SHELLOPTS SRANDOM UID`)

func set(words string) map[string]bool {
	m := make(map[string]bool)
	for word := range strings.FieldsSeq(words) {
		m[word] = true
	}
	return m
}

// docker is for --env-file of docker and podman: what follows the first equals
// sign is the value to the end of the line.
func docker(p *page, name string, value []byte) string {
	switch {
	case bytes.IndexByte(value, 0) >= 0:
		return hasNUL
	case bytes.ContainsAny(value, "\r\n"):
		return manyLines
	case len(name)+len("=")+len(value) >= 64<<10:
		return longLine
	}
	p.add(name)
	p.addByte('=')
	p.addBytes(value)
	p.addByte('\n')
	return ""
}

// systemd is for EnvironmentFile=, see systemd.exec(5). Single quotes are not
// used: before version 240 a backslash meant something between them.
func systemd(p *page, name string, value []byte) string {
	switch {
	case bytes.IndexByte(value, 0) >= 0:
		return hasNUL
	case bytes.ContainsFunc(value, func(r rune) bool { return r == '\ufeff' || noncharacter(r) }):
		return "the value has a byte order mark or what Unicode calls a noncharacter"
	case len(name)+len(value)+len("=\x00") > maxVariable:
		return tooLong
	}
	p.add(name)
	p.add(`="`)
	for _, c := range value {
		if strings.IndexByte("\"\\$`", c) >= 0 {
			p.addByte('\\')
		}
		p.addByte(c)
	}
	p.add("\"\n")
	return ""
}

// dotenv is for the libraries called dotenv. There is no standard: backslashes,
// dollar signs and carriage returns mean something else to each of them. So a
// value is written in the one of three ways in which nothing in it means anything
// to anybody, or not at all.
func dotenv(p *page, name string, value []byte) string {
	has := func(chars string) bool { return bytes.ContainsAny(value, chars) }
	var q string
	switch {
	case has("\x00"):
		return hasNUL
	case has("\r"):
		return "the value has a carriage return, which readers take for a line's end"
	case bytes.Contains(value, []byte("${")):
		return "the value has ${, which python-dotenv expands"
	case !has("'") && !bytes.Contains(value, []byte(`\\`)) && !bytes.HasSuffix(value, []byte(`\`)):
		q = "'"
	case !has("\"\\$"):
		q = `"`
	case !plain(value):
		return "readers disagree about this mixture of quotes, backslashes or dollar signs"
	}
	p.add(name)
	p.addByte('=')
	p.add(q)
	p.addBytes(value)
	p.add(q)
	p.addByte('\n')
	return ""
}

// plain reports whether a value means itself without quotes.
func plain(value []byte) bool {
	if bytes.ContainsAny(value, "\\$#") || bytes.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return false
	}
	return bytes.IndexByte([]byte("'\"` "), value[0]) < 0 && value[len(value)-1] != ' '
}
