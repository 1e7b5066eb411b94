package options

import (
	"strings"

	"github.com/spf13/pflag"
)

// List is a flag that can be repeated. In a variable each line is one.
type List []string

var _ pflag.SliceValue = (*List)(nil) // a list in the configuration file

func (l *List) String() string { return strings.Join(*l, "\n") }
func (l *List) Type() string   { return "list" }
func (l *List) Set(text string) error {
	*l = append(*l, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
	return nil
}

func (l *List) Append(text string) error     { *l = append(*l, text); return nil }
func (l *List) Replace(texts []string) error { *l = texts; return nil }
func (l *List) GetSlice() []string           { return *l }
