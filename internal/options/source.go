package options

import (
	"github.com/spf13/pflag"
)

// sourceAnnotation keeps with a flag where its value comes from.
const sourceAnnotation = "infisicalfs_source"

// SourceNamed is the source of what a named mount has by itself.
const SourceNamed = "default of named mounts"

func SetSource(f *pflag.Flag, source string) {
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[sourceAnnotation] = []string{source}
}

// ValueOf returns what a flag stands at, and what has set it: "flag", "variable
// NAME", a place in a file, or "default".
func ValueOf(f *pflag.Flag, lookup func(string) (string, bool)) (value, source string) {
	if noted := f.Annotations[sourceAnnotation]; noted != nil {
		return f.Value.String(), noted[0]
	}
	if f.Changed {
		return f.Value.String(), "flag"
	}
	for _, name := range Borrowed[f.Name] {
		if value, _ := lookup(name); value != "" {
			return value, "variable " + name
		}
	}
	return f.Value.String(), "default"
}
