package view

import (
	"bytes"
	"strings"
)

// maxVariable is how long an environment variable can be on Linux, with its
// name and the byte at its end: MAX_ARG_STRLEN, see execve(2). Who has a longer
// one in the environment cannot start a program.
const maxVariable = 128 << 10

const (
	hasNUL  = "the value has a NUL character"
	tooLong = "the value is longer than an environment variable can be, 128 KiB"
)

// shell is for the command "." of POSIX shells.
func shell(p *buffer, name string, value []byte) string {
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
// anything there but the single quote, which is put between double ones: mvdan.cc/sh, the
// shell of go-task, keeps a backslash that stands alone before a quote.
func quoteWord(p *buffer, text []byte) {
	p.addByte('\'')
	for _, c := range text {
		if c == '\'' {
			p.add(`'"'"'`)
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
