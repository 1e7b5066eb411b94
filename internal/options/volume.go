package options

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"infisicalfs/client"
	"infisicalfs/internal/config"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount"
	"infisicalfs/secret"
)

// Volume is what the words of a volume mean: which part of which server it shows, to
// whom, and how. Nothing but the words has a say in it: no variable, no project file.
type Volume struct {
	Identity string // of the configuration file, empty for that of whoever serves the volume
	Write    bool

	scope Scope
	look  Look
	views []string // nil: all
}

// volumeWords are those that are flags of mount, too.
var volumeWords = []string{
	"project", "env", "path", "layout", "separator", "include", "exclude", "names", "trim-newline", "add-newline",
	"env-dialect", "list-views", "uid", "gid", "mode", "dir-mode", "chmod", "ttl", "max-stale", "notify", "control",
}

// Words of a volume that are no flags.
const (
	wordIdentity = config.Identity
	wordView     = "view"  // the names of views (.env, …) that there are, with commas between; none: off
	wordWrite    = "write" // true: what is shown can be changed
)

// VolumeWords are all words of volumes, sorted.
func VolumeWords() []string {
	return slices.Sorted(slices.Values(append([]string{wordIdentity, wordView, wordWrite}, volumeWords...)))
}

// ParseVolume says what words mean. TTL and maxStale are what holds for all volumes: a
// volume may want less. The error is an *exitcode.Error that names the word, never its value.
func ParseVolume(words map[string]string, ttl, maxStale time.Duration) (*Volume, error) {
	if err := onlyVolumeWords(words); err != nil {
		return nil, err
	}
	v, flags := new(Volume), pflag.NewFlagSet("", pflag.ContinueOnError)
	v.scope.AddPlace(flags)
	v.look.AddFlags(flags)
	flagWords := maps.Clone(words)
	for _, word := range []string{wordIdentity, wordView, wordWrite} {
		delete(flagWords, word)
	}
	if err := v.ownWords(words); err != nil {
		return nil, err
	}
	if err := SetWords(flags, v.defaults(ttl, maxStale)); err != nil {
		return nil, err
	}
	if err := SetWords(flags, flagWords); err != nil {
		return nil, err
	}
	for word, most := range map[string]time.Duration{"ttl": ttl, "max-stale": maxStale} {
		if d, err := flags.GetDuration(word); err != nil || d > most || d < 0 {
			return nil, exitcode.Errorf(exitcode.Config, "a volume can only be more careful than the service that serves it", "the option %s may be %s at most", word, most)
		}
	}
	if v.scope.Project == "" {
		return nil, exitcode.Errorf(exitcode.Config, "add the option project, its slug or id", "the volume does not say which project it shows")
	}
	if err := v.scope.Complete(Unset, ""); err != nil {
		return nil, err
	}
	_, err := v.MountConfig("/", new(client.Client), v.scope.Dir())
	return v, err
}

// ownWords takes in the words that are no flags.
func (v *Volume) ownWords(words map[string]string) error {
	v.Identity = words[wordIdentity]
	switch words[wordWrite] {
	case "", "false":
	case "true":
		v.Write = true
	default:
		return exitcode.Errorf(exitcode.Config, "", "the option %s: true or false is wanted", wordWrite)
	}
	switch list, given := words[wordView]; {
	case list == "off":
		v.views = []string{}
	case given:
		v.views = strings.Split(list, ",")
	}
	return nil
}

// defaults are what holds for a volume unless its words say otherwise. Who is in a
// container is hardly ever who serves the volume, so everybody in it may read.
func (v *Volume) defaults(ttl, maxStale time.Duration) map[string]string {
	words := map[string]string{
		"ttl": ttl.String(), "max-stale": maxStale.String(), "allow-other": "true", "control": "off",
		"mode": "0444", "dir-mode": "0555", "read-only": "true",
	}
	if v.Write {
		words["mode"], words["dir-mode"], words["read-only"], words["propagate"] = "0644", "0755", "false", "rw"
	}
	return words
}

// onlyVolumeWords refuses what is no word of a volume. What bears a credential, or says who
// gets it, has an answer of its own: such options are kept, and shown, by engines.
func onlyVolumeWords(words map[string]string) error {
	who := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(Server).AddFlags(who)
	known := VolumeWords()
	for _, word := range slices.Sorted(maps.Keys(words)) {
		plain := strings.ReplaceAll(strings.ToLower(word), "_", "-")
		switch {
		case slices.Contains(known, word):
		case who.Lookup(plain) != nil, strings.Contains(plain, "secret"), strings.Contains(plain, "token"), strings.Contains(plain, "password"):
			return exitcode.Errorf(exitcode.Config, "name an identity of the configuration file with the option identity",
				"the option %q is refused: what servers and credentials are used is not for a volume to say", word)
		default:
			return exitcode.Errorf(exitcode.Config, "the options are "+strings.Join(known, ", "), "there is no option %q", word)
		}
	}
	return nil
}

// Dir is what the volume shows, which may have the project's id in the place of its slug.
func (v *Volume) Dir() secret.Dir { return v.scope.Dir() }

// Scope says where that is.
func (v *Volume) Scope() *Scope { return &v.scope }

// MountConfig is how to mount the volume, as far as its words say it, over what c has at root.
func (v *Volume) MountConfig(mountpoint string, c *client.Client, root secret.Dir) (mount.Config, error) {
	cfg, err := v.look.MountConfig(mountpoint, c, root, nil)
	if err != nil {
		return cfg, err
	}
	cfg.Views = v.views
	cfg.FS.PersonalReadOnly = false // volumes show shared values
	return cfg, cfg.Validate()
}

// TightenVolume returns the words with times that are no longer than what now holds for
// all volumes, for a volume that was made when longer ones were allowed.
func TightenVolume(words map[string]string, ttl, maxStale time.Duration) map[string]string {
	words = maps.Clone(words)
	for word, most := range map[string]time.Duration{"ttl": ttl, "max-stale": maxStale} {
		if d, err := time.ParseDuration(words[word]); err == nil && d > most {
			words[word] = most.String()
		}
	}
	return words
}
