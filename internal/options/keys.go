package options

import (
	"errors"
	"maps"
	"slices"

	"github.com/spf13/pflag"

	"infisicalfs/internal/config"
	"infisicalfs/internal/credential"
	"infisicalfs/internal/exitcode"
)

// Keys are the flags of mount, which flags makes anew each time, by their long names: those that say which
// server and who are an identity's keys, the others a mount's.
func Keys(flags func() *pflag.FlagSet) config.Keys {
	keys := config.Keys{Identity: map[string]config.Key{}, Mount: map[string]config.Key{}}
	who := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(Server).AddFlags(who)
	flags().VisitAll(func(f *pflag.Flag) {
		switch {
		case f.Name == "config" || f.Name == config.Identity: // they say where to look for keys
		case who.Lookup(f.Name) != nil && f.Name != "timeout" && f.Name != "rate-wait" && f.Name != "max-secrets":
			keys.Identity[f.Name] = keyOf(f, flags)
		default:
			keys.Mount[f.Name] = keyOf(f, flags)
		}
	})
	keys.Mount["mountpoint"] = config.Key{Path: true}
	return keys
}

func keyOf(f *pflag.Flag, flags func() *pflag.FlagSet) config.Key {
	_, list := f.Value.(pflag.SliceValue)
	takes, _ := pflag.UnquoteUsage(f)
	path := takes == "file" || takes == "FILE=NAME"
	secret := f.Name == "headers-file" || slices.Contains(credential.SecretFileFlags(), f.Name)
	return config.Key{List: list, Path: path, Secret: secret, Check: func(value string) error {
		if path && LooksLikeSecret(value) {
			return errors.New("this is not the name of a file but looks like the secret itself")
		}
		if flags().Set(f.Name, value) != nil {
			return errors.New(wanted(f))
		}
		return nil
	}}
}

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

// wanted says what a flag takes. The flag's own error may repeat the value.
func wanted(f *pflag.Flag) string {
	if c, ok := f.Value.(interface{ wanted() string }); ok {
		return c.wanted()
	}
	switch f.Value.Type() {
	case "bool":
		return "true or false is wanted"
	case "duration":
		return "a duration is wanted, such as 30s or 5m"
	case "uint32":
		return "a number is wanted"
	case "switch":
		return "on or off is wanted"
	case "mode":
		return "permission bits are wanted, 0000 to 0777"
	}
	return "this is not what the flag takes"
}
