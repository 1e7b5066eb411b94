package options

import (
	"errors"

	"github.com/spf13/pflag"

	"infisicalfs/internal/config"
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
	return config.Key{List: list, Path: path, Check: func(value string) error {
		if path && LooksLikeSecret(value) {
			return errors.New("this is not the name of a file but looks like the secret itself")
		}
		if flags().Set(f.Name, value) != nil {
			return errors.New(wanted(f))
		}
		return nil
	}}
}

// wanted says what a flag takes. The flag's own error may repeat the value.
func wanted(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return "true or false is wanted"
	case "duration":
		return "a duration is wanted, such as 30s or 5m"
	case "uint32":
		return "a number is wanted"
	case "how":
		return "full, attrib or off is wanted"
	case "switch":
		return "on or off is wanted"
	case "mode":
		return "permission bits are wanted, 0000 to 0777"
	}
	return "this is not what the flag takes"
}
