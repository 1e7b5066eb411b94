package options

import (
	"fmt"
	"strings"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/namedfile"
)

// HeadersVariable has the headers for a gateway as Infisical's own tool takes them. It is
// as secret as a password, and not handed on to other programs.
const HeadersVariable = "INFISICAL_CUSTOM_HEADERS"

// headersFlag is the flag whose file has them; it wins over the variable.
const headersFlag = "headers-file"

// maxHeaders bounds a file of headers, in bytes. Servers take 8 to 16 KiB of headers.
const maxHeaders = 64 << 10

const headersHint = "write only headers that the gateway asks for, as lines like \"X-Gateway: secret\" in the file of --" + headersFlag + ", or as words like X-Gateway=secret in " + HeadersVariable

// Headers reads the headers for a gateway, which are nobody's to see: no error has a
// value of them, or what may be one. They are read again for each call.
func (o *Server) Headers(lookup func(string) (string, bool)) ([]client.Header, error) {
	if o.headersFile != "" {
		text, err := readHeaders(o.headersFile)
		if err != nil {
			return nil, err
		}
		from := "--" + headersFlag + ": " + o.headersFile
		headers, err := headersOf(from, text, nextLine)
		if err == nil && len(headers) == 0 {
			err = exitcode.Errorf(exitcode.Config, headersHint, "%s holds no header", from)
		}
		return headers, err
	}
	text, _ := lookup(HeadersVariable)
	return headersOf(HeadersVariable, text, nextWord)
}

func readHeaders(path string) (string, error) {
	if LooksLikeSecret(path) {
		return "", exitcode.Errorf(exitcode.Config, headersHint, "--%s: this is not the name of a file but looks like the secret itself", headersFlag)
	}
	text, err := namedfile.Read(path, maxHeaders+1)
	switch {
	case err != nil:
		return "", exitcode.Errorf(exitcode.Config, headersHint, "--%s: cannot read %s: %w", headersFlag, path, exitcode.PathError(err))
	case len(text) > maxHeaders:
		return "", exitcode.Errorf(exitcode.Config, headersHint, "--%s: %s has more than %d KiB", headersFlag, path, maxHeaders>>10)
	}
	return string(text), nil
}

// piece is one header as it is written, or why it is none; without a name it is nothing.
type piece struct {
	name, value string
	at          string // for people: where it stands
	trouble     string
}

// headersOf makes headers of what next cuts from a text, until nothing is left.
func headersOf(from, text string, next func(text string, count int) (p piece, rest string)) (headers []client.Header, err error) {
	seen := map[string]bool{}
	for count := 1; text != ""; count++ {
		var p piece
		p, text = next(text, count)
		if p.trouble != "" {
			return nil, exitcode.Errorf(exitcode.Config, headersHint, "%s: %s %s", from, p.at, p.trouble)
		}
		if p.name == "" {
			continue
		}
		h, err := client.NewHeader(p.name, p.value)
		if err != nil {
			return nil, exitcode.Errorf(exitcode.Config, headersHint, "%s: %s: %w", from, p.at, err)
		}
		if seen[h.Name()] {
			return nil, exitcode.Errorf(exitcode.Config, "keep one of them", "%s: %s: the header %s is there twice", from, p.at, h.Name())
		}
		seen[h.Name()] = true
		headers = append(headers, h)
	}
	return headers, nil
}

// nextLine cuts "Name: value" from a file. Empty lines and those that begin with a hash are
// left out: a header that somebody has commented out is nobody's to see.
func nextLine(text string, count int) (p piece, rest string) {
	line, rest, _ := strings.Cut(text, "\n")
	p.at = fmt.Sprintf("line %d", count)
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return p, rest
	}
	name, value, ok := strings.Cut(line, ":")
	if p.name, p.value = strings.TrimSpace(name), strings.TrimSpace(value); !ok || p.name == "" {
		p.trouble = "is not of the form Name: value"
	}
	return p, rest
}

// nextWord cuts NAME=VALUE from the variable, as Infisical's own tool reads it: a value with
// blanks stands in quotes of either kind, in which a backslash keeps a quote from being the
// end. What that tool does not let one set is left out here too.
func nextWord(text string, count int) (p piece, rest string) {
	const blank = " \t\r\n\v\f"
	p.at = fmt.Sprintf("header %d", count)
	if text = strings.TrimLeft(text, blank); text == "" {
		return p, ""
	}
	end := strings.IndexAny(text, "="+blank)
	if end <= 0 || text[end] != '=' {
		p.trouble = "is not of the form NAME=VALUE"
		return p, text
	}
	name := text[:end]
	value, rest, closed := cutValue(strings.TrimLeft(text[end+1:], blank), blank)
	if !closed {
		p.trouble = "has a quote that does not end"
	}
	if strings.EqualFold(name, "User-Agent") || strings.EqualFold(name, "Accept") {
		return p, rest
	}
	p.name, p.value = name, value
	return p, rest
}

// cutValue cuts a value, in quotes or to the next blank; closed means that a quote ends.
func cutValue(text, blank string) (value, rest string, closed bool) {
	if text == "" || text[0] != '"' && text[0] != '\'' {
		if end := strings.IndexAny(text, blank); end >= 0 {
			return text[:end], text[end:], true
		}
		return text, "", true
	}
	for i := 1; i < len(text); i++ {
		if text[i] == text[0] && text[i-1] != '\\' {
			return text[1:i], text[i+1:], true
		}
	}
	return "", "", false
}
