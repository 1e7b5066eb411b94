package credential

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Flags are the values of the flags that say as whom to log in. The zero Flags say nothing.
type Flags struct {
	Method           string // --auth
	IdentityID       string // --identity-id
	OrganizationSlug string // --organization-slug
	Strict           bool   // --strict: what is a warning else is an error
	Remove           bool   // --remove-credential

	words map[string]*string // of the methods' own flags, by name
}

// AddFlags declares the flags, those of each method once.
func (f *Flags) AddFlags(set *pflag.FlagSet) {
	set.StringVar(&f.Method, "auth", "", "log in by this `method`: "+strings.Join(Names(), ", ")+" (default: the one for which there is a credential)")
	for _, m := range methods() {
		for _, setting := range m.Settings {
			if setting.Flag == "" || set.Lookup(setting.Flag) != nil {
				continue
			}
			set.StringVar(f.word(setting.Flag), setting.Flag, "", setting.Usage)
		}
	}
	set.StringVar(&f.IdentityID, "identity-id", "", "`id` of the machine identity, for all methods but universal-auth and tokens")
	set.StringVar(&f.OrganizationSlug, "organization-slug", "", "`slug` of the sub-organisation to log in to")
	set.BoolVar(&f.Strict, "strict", false, "refuse credentials in files that others can read")
	set.BoolVar(&f.Remove, "remove-credential", false, "delete the file with the credential once it is read")
}

// Set gives a method's own flag a value, as the command line does.
func (f *Flags) Set(name, value string) { *f.word(name) = value }

// Get returns the value of a method's own flag.
func (f *Flags) Get(name string) string {
	if word := f.words[name]; word != nil {
		return *word
	}
	return ""
}

func (f *Flags) word(name string) *string {
	if f.words == nil {
		f.words = map[string]*string{}
	}
	if f.words[name] == nil {
		f.words[name] = new(string)
	}
	return f.words[name]
}

// Files are the values of all flags that name a file and are given. Whoever leaves the
// working directory makes them absolute; those that are no name of a file but look like
// the secret itself ([LooksLikeSecret]) are to be left as they are.
func (f *Flags) Files() (values []*string) {
	for _, name := range FileFlags() {
		if word := f.words[name]; word != nil && *word != "" {
			values = append(values, word)
		}
	}
	return values
}

// Paths are the paths that [Flags.Files] stand at.
func (f *Flags) Paths() (paths []string) {
	for _, value := range f.Files() {
		paths = append(paths, *value)
	}
	return paths
}

// FileFlags are the names of all flags that name a file.
func FileFlags() []string {
	return flagNames(func(_ *Method, s Setting) bool { return strings.Contains(s.Usage, "`file`") })
}

// SecretFileFlags are those of them whose files nobody but the owner should read.
func SecretFileFlags() []string {
	return flagNames(func(_ *Method, s Setting) bool {
		return s.Secret && !s.Public || s.Flag == tlsKey.Flag || s.Flag == gcpKey.Flag
	})
}

// Answers returns a function that reports whether a flag asks what has been answered by
// those that are set already: of two methods, or a method and --auth, whoever gave one
// has decided about the other.
func Answers(set func(flag string) bool) func(flag string) bool {
	chosen := map[string]bool{}
	owners := map[string][]string{}
	for _, m := range methods() {
		for _, s := range m.Settings {
			if s.Flag == "" || s.Shared {
				continue
			}
			owners[s.Flag] = append(owners[s.Flag], m.Name)
			if set(s.Flag) {
				chosen[m.Name] = true
			}
		}
	}
	return func(flag string) bool {
		if len(chosen) == 0 {
			return false
		}
		of := owners[flag]
		return flag == "auth" || of != nil && !slices.ContainsFunc(of, func(name string) bool { return chosen[name] })
	}
}

// FlagNames are the names of all flags that AddFlags declares and that say who to be.
func FlagNames() []string {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(Flags).AddFlags(flags)
	var names []string
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != tlsURL.Flag { // says where, not who
			names = append(names, f.Name)
		}
	})
	return names
}

// flagNames are the names of the flags for which ok holds, each once.
func flagNames(ok func(*Method, Setting) bool) (names []string) {
	seen := map[string]bool{"": true}
	for _, m := range methods() {
		for _, s := range m.Settings {
			if !seen[s.Flag] && ok(m, s) {
				seen[s.Flag] = true
				names = append(names, s.Flag)
			}
		}
	}
	return names
}
