package main

import (
	"strings"

	"github.com/spf13/pflag"
)

// listValue is a flag that can be repeated. In a variable each line is one.
type listValue []string

var _ pflag.SliceValue = (*listValue)(nil) // a list in the configuration file

func (l *listValue) String() string { return strings.Join(*l, "\n") }
func (l *listValue) Type() string   { return "list" }
func (l *listValue) Set(text string) error {
	*l = append(*l, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
	return nil
}

func (l *listValue) Append(text string) error     { *l = append(*l, text); return nil }
func (l *listValue) Replace(texts []string) error { *l = texts; return nil }
func (l *listValue) GetSlice() []string           { return *l }
