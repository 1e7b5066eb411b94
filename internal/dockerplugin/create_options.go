package dockerplugin

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/options"
)

// wordsOf makes words of the options of "volume create". An option "o" holds several, as
// the option -o of mount(8) does: Podman's Quadlet can write no other. Of the uid and gid
// in it Podman makes two more, UID and GID.
func wordsOf(opts map[string]string) (map[string]string, error) {
	words := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(opts)) {
		if name != "o" {
			word := name
			if name == "UID" || name == "GID" {
				word = strings.ToLower(name)
			}
			if err := put(words, word, opts[name]); err != nil {
				return nil, err
			}
			continue
		}
		list, err := options.SplitOptions(opts[name])
		if err != nil {
			return nil, err
		}
		for _, word := range list {
			name, value, given := strings.Cut(word, "=")
			if name == "" && !given {
				continue // two commas in a row
			}
			if !given {
				value = "true"
			}
			if err := put(words, name, value); err != nil {
				return nil, err
			}
		}
	}
	return words, nil
}

func put(words map[string]string, name, value string) error {
	if old, twice := words[name]; twice && old != value {
		return exitcode.Errorf(exitcode.Config, "give it once", "the option %q is given twice, with different values", name)
	}
	words[name] = value
	return nil
}

// labelPrefix begins the labels of a Swarm secret that are meant for this plugin.
const labelPrefix = "infisicalfs."

// labelWords makes words of a secret's labels, and takes the key's name out of them.
// Without the label infisicalfs.key it is name, the secret's own.
func labelWords(name string, labels map[string]string) (words map[string]string, key string, err error) {
	words, key = map[string]string{}, name
	for label, value := range labels {
		word, ours := strings.CutPrefix(label, labelPrefix)
		switch {
		case !ours: // somebody else's
		case word == "key":
			key = value
		default:
			words[word] = value
		}
	}
	if words["project"] == "" || words["env"] == "" {
		return nil, "", exitcode.Errorf(exitcode.Config,
			fmt.Sprintf("docker secret create --driver … --label %sproject=shop --label %senv=prod %s", labelPrefix, labelPrefix, name),
			"the secret %q does not say where it is", name)
	}
	return words, key, nil
}
