package view

import (
	"bytes"
	"strings"
)

// systemd is for EnvironmentFile=, see systemd.exec(5). Single quotes are not
// used: before version 240 a backslash meant something between them.
func systemd(p *buffer, name string, value []byte) string {
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
