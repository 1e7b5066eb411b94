package options

import (
	"errors"
	"maps"
	"slices"

	"github.com/spf13/pflag"

	"infisicalfs/internal/exitcode"
)

// SetWords sets flags from words and their values, as whoever makes a volume gives
// them. The error is about the first, in the order of the alphabet, that is no flag or
// does not fit; it has the word in it and never the value.
func SetWords(flags *pflag.FlagSet, words map[string]string) error {
	for _, word := range slices.Sorted(maps.Keys(words)) {
		f := flags.Lookup(word)
		if f == nil {
			return exitcode.Errorf(exitcode.Config, "the options are called like the flags of infisicalfs mount", "there is no option %q", word)
		}
		if err := flags.Set(word, words[word]); err != nil {
			return exitcode.Errorf(exitcode.Config, "give it what --"+word+" takes", "the option %s: %w", word, errors.New(wanted(f)))
		}
	}
	return nil
}
