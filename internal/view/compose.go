package view

import "bytes"

// composeDotenv is for readers that take a backslash between double quotes for an escape, as
// Compose, phpdotenv, Symfony and Ruby's dotenv. They agree about \\, \", \$, \n and \r,
// but for two of them that look for some of these before they look for \\, and for
// commands before both: what such would misread goes between single quotes.
func composeDotenv(p *buffer, name string, value []byte) string {
	switch {
	case bytes.IndexByte(value, 0) >= 0:
		return hasNUL
	case !escapeAmbiguous(value):
		p.add(name)
		p.add(`="`)
		for _, c := range value {
			switch c {
			case '\n':
				p.add(`\n`)
			case '\r':
				p.add(`\r`)
			case '"', '\\', '$':
				p.addByte('\\')
				p.addByte(c)
			default:
				p.addByte(c)
			}
		}
		p.add("\"\n")
		return ""
	case bytes.ContainsAny(value, "'\r\n") || bytes.HasSuffix(value, []byte(`\`)):
		return `the value has \n, \r, \" or $(, which Symfony and Ruby's dotenv misread between double quotes, and more that keeps it from single ones`
	}
	writeDotenv(p, name, "'", value)
	return ""
}

// escapeAmbiguous reports whether value has a backslash before what is an escape with one,
// or what looks like a command.
func escapeAmbiguous(value []byte) bool {
	for _, two := range []string{`\n`, `\r`, `\"`, "$("} {
		if bytes.Contains(value, []byte(two)) {
			return true
		}
	}
	return false
}
