package view

import "bytes"

// docker is for --env-file of docker and podman: what follows the first equals
// sign is the value to the end of the line.
func docker(p *buffer, name string, value []byte) string {
	switch {
	case bytes.IndexByte(value, 0) >= 0:
		return hasNUL
	case bytes.ContainsAny(value, "\r\n"):
		return "the value has several lines, or a carriage return"
	case len(name)+len("=")+len(value) >= 64<<10:
		return "the value is longer than Docker reads, 64 KiB"
	}
	p.add(name)
	p.addByte('=')
	p.addBytes(value)
	p.addByte('\n')
	return ""
}
