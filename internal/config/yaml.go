package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// document reads the one document of a file, and returns its top node; nil if
// there is none.
func (p parser) document(text []byte) (*yaml.Node, error) {
	if err := p.legible(text); err != nil {
		return nil, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, p.syntaxError(err, text)
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		return nil, &Error{p.at(&second), "a second document begins", "leave the line --- away"}
	case !errors.Is(err, io.EOF):
		return nil, p.syntaxError(err, text)
	}
	return document.Content[0], nil
}

// legible finds what YAML's own errors say least well: another encoding, and
// tabs.
func (p parser) legible(text []byte) error {
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if !utf8.Valid(line) {
			valid := strings.ToValidUTF8(string(line), "\x00") // up to the first one
			column := utf8.RuneCountInString(valid[:strings.IndexByte(valid, 0)]) + 1
			return &Error{Position{p.path, number, column}, "not UTF-8", "save the file as UTF-8"}
		}
		if margin := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]; bytes.ContainsRune(margin, '\t') {
			return &Error{Position{p.path, number, bytes.IndexByte(margin, '\t') + 1}, "a tab", "indent with spaces"}
		}
	}
	return nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntaxError takes line and text of the YAML package's error about a file's
// text.
func (p parser) syntaxError(err error, file []byte) error {
	text := err.Error()
	at := Position{Path: p.path}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		at.Line, _ = strconv.Atoi(m[1])
	}
	if m := unknownAnchor.FindStringSubmatch(text); m != nil {
		at.Line, at.Column = alias(file, m[1])
	}
	if strings.Contains(text, "anchor") || strings.Contains(text, "alphabetic or numeric character") { // the first has a word of the file in it
		return &Error{at, noAnchors, writeItOut}
	}
	return &Error{at, "not YAML: " + text, "look at the indentation, colons and quotes there and in the line before"}
}

var unknownAnchor = regexp.MustCompile(`^unknown anchor '(.+)' referenced$`)

// alias is where the alias of that name is, which the YAML package does not say:
// most often a pattern that somebody has not quoted. It returns 0 if it is not
// found.
func alias(file []byte, name string) (line, column int) {
	use := regexp.MustCompile(`(?:^|[ \[{,])(\*` + regexp.QuoteMeta(name) + `)`)
	for text := range strings.Lines(string(file)) {
		line++
		text, _, _ = strings.Cut(text, " #")
		if m := use.FindStringSubmatchIndex(text); m != nil {
			return line, utf8.RuneCountInString(text[:m[2]]) + 1
		}
	}
	return 0, 0
}

const (
	noAnchors  = "anchors, aliases and tags of YAML have no meaning here"
	writeItOut = "write the value out; quote it if it begins with & * or !"
)

// plainly refuses the parts of YAML that make a file mean something else than it
// seems to.
func (p parser) plainly(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return &Error{p.at(n), noAnchors, writeItOut}
	}
	return nil
}

// isNothing reports whether a key has nothing behind it, or null.
func isNothing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}
