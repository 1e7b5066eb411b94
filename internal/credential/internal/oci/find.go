package oci

import (
	"cmp"
	"crypto/rsa"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"infisicalfs/internal/credential/internal/tokenfile"
	"infisicalfs/internal/exitcode"
)

// ErrNone is wrapped by the error of who finds no key at all.
var ErrNone = errors.New("no API key of Oracle's cloud")

// setting is one thing that the key consists of.
type setting struct{ variable, key string }

var settings = []setting{
	{"OCI_CLI_USER", "user"},
	{"OCI_CLI_TENANCY", "tenancy"},
	{"OCI_CLI_FINGERPRINT", "fingerprint"},
	{"OCI_CLI_REGION", "region"},
	{"OCI_CLI_KEY_FILE", "key_file"},
	{"OCI_CLI_KEY_CONTENT", "key_content"},
}

// Hint says in a few words where a key would be taken from, empty if there is none.
func Hint(lookup func(string) (string, bool)) string {
	if text, _ := lookup("OCI_CLI_USER"); text != "" {
		return "OCI_CLI_USER"
	}
	path, named := configPath(lookup)
	if _, err := os.Stat(path); path != "" && (err == nil || named) {
		return path
	}
	return ""
}

// Files are the files that the key may be read from, whether they are there or not.
func Files(lookup func(string) (string, bool)) []string {
	path, named := configPath(lookup)
	paths := []string{path}
	if values, err := readConfig(lookup, path, named); err == nil && values["key_file"] != "" {
		paths = append(paths, located(lookup, values["key_file"]))
	}
	if text, _ := lookup("OCI_CLI_KEY_FILE"); text != "" {
		paths = append(paths, located(lookup, text))
	}
	return paths
}

// Find returns the key that variables and the configuration file say, each value from the
// first of them. Errors are an [exitcode.Error]; one that wraps [ErrNone] means that there
// is nothing at all.
func Find(lookup func(string) (string, bool)) (*Key, error) {
	path, named := configPath(lookup)
	values, err := readConfig(lookup, path, named)
	if err != nil {
		return nil, err
	}
	for _, s := range settings {
		if text, _ := lookup(s.variable); strings.TrimSpace(text) != "" {
			values[s.key] = strings.TrimSpace(text)
		}
	}
	if values["user"] == "" && values["tenancy"] == "" {
		return nil, exitcode.Errorf(exitcode.Login, "write ~/.oci/config (oci setup config), or set OCI_CLI_USER, OCI_CLI_TENANCY, OCI_CLI_FINGERPRINT, OCI_CLI_REGION and OCI_CLI_KEY_FILE", "%w", ErrNone)
	}
	for _, s := range settings {
		if values[s.key] == "" && s.key != "key_content" && (s.key != "key_file" || values["key_content"] == "") {
			return nil, exitcode.Errorf(exitcode.Config, "add it to "+path+" or set "+s.variable, "Oracle's cloud: the API key lacks %s", s.key)
		}
	}
	private, err := readKey(lookup, values)
	if err != nil {
		return nil, err
	}
	return &Key{User: values["user"], Tenancy: values["tenancy"], Fingerprint: values["fingerprint"], Region: values["region"], private: private}, nil
}

// configPath returns the path of the configuration file, and whether somebody named it.
func configPath(lookup func(string) (string, bool)) (path string, named bool) {
	for _, name := range []string{"OCI_CLI_CONFIG_FILE", "OCI_CONFIG_FILE"} {
		if text, _ := lookup(name); text != "" {
			return text, true
		}
	}
	return atHome(lookup, "~/.oci/config"), false
}

// located is where a file is that variables or the configuration name: a relative path begins at
// the working directory, which is PWD for whoever has left it.
func located(lookup func(string) (string, bool), path string) string {
	if dir, _ := lookup("PWD"); dir != "" && !strings.HasPrefix(path, "~/") && !filepath.IsAbs(path) {
		return filepath.Join(dir, path)
	}
	return atHome(lookup, path)
}

// atHome replaces a leading ~. It returns an empty path where nobody is at home.
func atHome(lookup func(string) (string, bool), path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	if !ok {
		return path
	}
	home, _ := lookup("HOME")
	if home == "" {
		return ""
	}
	return filepath.Join(home, rest)
}

// readConfig returns what a profile of the file says, over what DEFAULT says.
func readConfig(lookup func(string) (string, bool), path string, named bool) (map[string]string, error) {
	values := map[string]string{}
	if path == "" {
		return values, nil
	}
	text, err := tokenfile.Read("Oracle's configuration file", path)
	if errors.Is(err, os.ErrNotExist) && !named {
		return values, nil
	}
	if err != nil {
		return nil, err
	}
	profile, _ := lookup("OCI_CLI_PROFILE")
	profile = cmp.Or(profile, "DEFAULT")
	sections := map[string]map[string]string{}
	section := map[string]string{} // before the first name
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			name := strings.Trim(line, "[] \t")
			if sections[name] == nil {
				sections[name] = map[string]string{}
			}
			section = sections[name]
		default:
			if key, value, ok := strings.Cut(line, "="); ok {
				section[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
			}
		}
	}
	if sections[profile] == nil && profile != "DEFAULT" {
		return nil, exitcode.Errorf(exitcode.Config, "unset OCI_CLI_PROFILE or name a profile of "+path, "Oracle's cloud: there is no profile %q", profile)
	}
	for _, name := range []string{"DEFAULT", profile} {
		for key, value := range sections[name] {
			values[key] = value
		}
	}
	if values["security_token_file"] != "" {
		return nil, exitcode.Errorf(exitcode.Config, "name a profile with an API key in OCI_CLI_PROFILE", "Oracle's cloud: the profile %s is of a session, which Infisical cannot check", profile)
	}
	return values, nil
}

// readKey reads the private key, out of the variable or the file.
func readKey(lookup func(string) (string, bool), values map[string]string) (*rsa.PrivateKey, error) {
	from, text := "OCI_CLI_KEY_CONTENT", []byte(values["key_content"])
	if len(text) == 0 {
		from = values["key_file"]
		var err error
		if text, err = tokenfile.Read("Oracle's API key", located(lookup, from)); err != nil {
			return nil, err
		}
	}
	private, err := tokenfile.RSAKey(text)
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Config, "name the private key that belongs to the API key, without a passphrase", "Oracle's cloud: %s %w", from, err)
	}
	return private, nil
}
