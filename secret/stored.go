package secret

import "strings"

// What servers make of names and values, so that it is known before they do it.

// white is what JavaScript's trim cuts off. Unlike Go's it has the byte order
// mark and not U+0085.
const white = "\t\n\v\f\r \u00a0\u1680" +
	"\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a" +
	"\u2028\u2029\u202f\u205f\u3000\ufeff"

// Trim cuts off white space as servers do with names, values and comments.
func Trim(s string) string { return strings.Trim(s, white) }

// StoredForm is what a server keeps of a value that is sent: white space around
// it goes, but one newline stays if the last character was one.
func StoredForm(value string) string {
	stored := Trim(value)
	if strings.HasSuffix(value, "\n") {
		stored += "\n"
	}
	return stored
}
