package options

import (
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"infisicalfs/internal/exitcode"
)

// BindEnvironment sets each flag that was not given from its variable. One that
// is set to nothing counts as not set.
func BindEnvironment(flags *pflag.FlagSet, lookup func(string) (string, bool)) error {
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		name := Variable(f)
		value, _ := lookup(name)
		if value == "" || f.Changed || f.Name == "help" || f.Name == "version" || failed != nil {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			if cause := errors.Unwrap(err); cause != nil {
				err = cause // without the value: who knows what is in a variable
			}
			failed = exitcode.Errorf(exitcode.Config, "unset the variable, or give it what --"+f.Name+" takes", "the variable %s: %w", name, err)
			return
		}
		SetSource(f, "variable "+name)
	})
	return failed
}

// Variable is the environment Variable that stands for a flag.
func Variable(f *pflag.Flag) string {
	return "INFISICALFS_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

// Borrowed are the variables of Infisical's own tools that stand in for flags
// which nothing else has set. The first that is set counts.
var Borrowed = map[string][]string{
	"url":          {"INFISICAL_DOMAIN", "INFISICAL_API_URL", "INFISICAL_URL"},
	"organization": {"INFISICAL_ORGANIZATION_ID"},
	"auth":         {"INFISICAL_AUTH_METHOD"},
	"identity-id":  {"INFISICAL_MACHINE_IDENTITY_ID"},

	"organization-slug": {"INFISICAL_AUTH_ORGANIZATION_SLUG"},
	"project":           {"INFISICAL_PROJECT_ID"},
	"env":               {"INFISICAL_ENVIRONMENT"},
	"path":              {"INFISICAL_SECRET_PATH"},
}

// FirstOf returns value, or the first of the variables that is set, without the
// line end and the blanks that a file or YAML may have left around it.
func FirstOf(lookup func(string) (string, bool), value string, names ...string) string {
	for _, name := range names {
		if value != "" {
			break
		}
		value, _ = lookup(name)
		value = strings.TrimSpace(value)
	}
	return value
}

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
