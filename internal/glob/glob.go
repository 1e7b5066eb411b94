// Package glob matches names of files below a directory with patterns such as
// tls/*.key.
package glob

import (
	"errors"
	"path"
	"slices"
	"strings"
)

// Pattern matches paths that are given as the list of their elements, without
// the directory that they are relative to. The zero Pattern matches nothing.
type Pattern struct{ elements []string }

// anything is the element that stands for any number of elements, also none.
const anything = "**"

// Errors of [Parse].
var (
	errAbsolute = errors.New("is not relative: leave out the slash at its beginning")
	errElement  = errors.New("has an element that is empty or made of dots: write a/b")
	errSyntax   = errors.New("has a bracket that is not closed, or ends in a backslash")
	errStars    = errors.New("has ** inside of an element: it stands alone, as in a/**/b")
)

// Parse reads a pattern. Elements are separated by slashes and are what
// [path.Match] takes: no * or ? matches a slash. An element ** stands for any
// number of elements, also none.
func Parse(text string) (Pattern, error) {
	if strings.HasPrefix(text, "/") {
		return Pattern{}, errAbsolute
	}
	elements := strings.Split(text, "/")
	for _, element := range elements {
		switch {
		case element == "" || element == "." || element == "..":
			return Pattern{}, errElement
		case element != anything && strings.Contains(element, anything):
			return Pattern{}, errStars
		}
		if _, err := path.Match(element, ""); err != nil {
			return Pattern{}, errSyntax
		}
	}
	return Pattern{elements}, nil
}

// String returns the pattern as it was given.
func (p Pattern) String() string { return strings.Join(p.elements, "/") }

// Match reports whether p matches the whole path.
func (p Pattern) Match(elements ...string) bool {
	return len(p.elements) > 0 && match(p.elements, elements)
}

// Covers reports whether p matches the path or a directory above it.
func (p Pattern) Covers(elements ...string) bool {
	for n := range len(elements) {
		if p.Match(elements[:n+1]...) {
			return true
		}
	}
	return false
}

// Enters reports whether p may match something below the path.
func (p Pattern) Enters(elements ...string) bool {
	if i := slices.Index(p.elements, anything); i >= 0 && i <= len(elements) {
		return match(p.elements[:i], elements[:i])
	}
	return len(elements) < len(p.elements) && match(p.elements[:len(elements)], elements)
}

func match(pattern, elements []string) bool {
	for i, element := range pattern {
		if element == anything {
			for n := i; n <= len(elements); n++ {
				if match(pattern[i+1:], elements[n:]) {
					return true
				}
			}
			return false
		}
		if i == len(elements) || !matchElement(element, elements[i]) {
			return false
		}
	}
	return len(pattern) == len(elements)
}

// matchElement is [path.Match] for a name that may have a slash in it, which
// counts as any other character.
func matchElement(pattern, name string) bool {
	ok, err := path.Match(pattern, strings.ReplaceAll(name, "/", "\x00"))
	return ok && err == nil // the syntax was checked by Parse
}
