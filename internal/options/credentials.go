package options

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

var ErrNoCredentials = &exitcode.Error{Err: errors.New("no credentials"), Hint: "set INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET, or use --token-file, or --client-id with --client-secret-file", Code: exitcode.Login}

// The spellings of Infisical's CLI and SDKs. A variable of the first prefix wins
// over the same of the second.
var (
	TokenVariables   = []string{"INFISICAL_UNIVERSAL_AUTH_ACCESS_TOKEN", "INFISICAL_TOKEN", "INFISICAL_ACCESS_TOKEN"}
	IdentityPrefixes = []string{"INFISICAL_UNIVERSAL_AUTH_", "INFISICAL_"}
)

// Found is the outcome of looking for credentials: the ones to use, where they
// come from, and which others lost.
type Found struct {
	Auth   client.Auth
	from   string
	losers []string
}

// candidate is one place where credentials were seen. open is called for the
// winner only.
type candidate struct {
	from string
	open func() (client.Auth, error)
}

// Credentials looks in order: flags, then the environment. Two in one place
// contradict each other, which is an error; of two places the first wins.
func (o *Server) Credentials(lookup func(string) (string, bool)) (Found, error) {
	winners, losers := o.fromFlags(lookup), o.fromEnvironment(lookup)
	if len(winners) == 0 {
		winners, losers = losers, nil
	}
	switch len(winners) {
	case 0:
		return Found{}, ErrNoCredentials
	case 1:
	default:
		return Found{}, exitcode.Errorf(exitcode.Config, "keep one of them and unset the other", "two credentials at once: %s and %s", winners[0].from, winners[1].from)
	}
	auth, err := winners[0].open()
	if err != nil {
		return Found{}, err
	}
	result := Found{Auth: auth, from: winners[0].from}
	for _, c := range losers {
		result.losers = append(result.losers, c.from)
	}
	return result, nil
}

func (o *Server) fromFlags(lookup func(string) (string, bool)) []candidate {
	var list []candidate
	if o.TokenFile != "" {
		list = append(list, candidate{"--token-file", o.tokenFromFile})
	}
	if o.identityByFlag() {
		list = append(list, candidate{"--client-id and --client-secret-file", func() (client.Auth, error) { return o.identity(lookup) }})
	}
	return list
}

func (o *Server) identityByFlag() bool { return o.ClientID != "" || o.ClientSecretFile != "" }

func (o *Server) tokenFromFile() (client.Auth, error) {
	read, err := secretFile("--token-file", o.TokenFile)
	if err != nil {
		return nil, err
	}
	return client.TokenAuth(read), nil
}

// secretFile reads the file once, so that a mistake shows now, and returns what
// reads it again.
func secretFile(flag, path string) (read func() (secret.Value, error), err error) {
	value, err := readSecretFile(flag, path)
	if err != nil {
		return nil, err
	}
	if !isRegular(path) { // a pipe can be read once only
		return func() (secret.Value, error) { return value, nil }, nil
	}
	return func() (secret.Value, error) { return readSecretFile(flag, path) }, nil
}

// identity takes what one of the two flags leaves open from the environment.
func (o *Server) identity(lookup func(string) (string, bool)) (client.Auth, error) {
	id := strings.TrimSpace(FirstOf(lookup, o.ClientID, IdentityPrefixes[0]+"CLIENT_ID", IdentityPrefixes[1]+"CLIENT_ID"))
	if id == "" {
		return nil, exitcode.Errorf(exitcode.Config, "add --client-id", "--client-secret-file without a client id")
	}
	if o.ClientSecretFile == "" {
		for _, prefix := range IdentityPrefixes {
			if text := credentialIn(lookup, prefix+"CLIENT_SECRET"); text != "" {
				return identityOf("--client-id", id, prefix+"CLIENT_SECRET", text)
			}
		}
		return nil, exitcode.Errorf(exitcode.Config, "add --client-secret-file", "--client-id without a client secret")
	}
	if err := oneWord("--client-id", id); err != nil {
		return nil, err
	}
	read, err := secretFile("--client-secret-file", o.ClientSecretFile)
	if err != nil {
		return nil, err
	}
	return client.UniversalAuthFrom(id, read), nil
}

// credentialIn returns what a variable holds, without the blanks and line ends around
// it that files and YAML leave there: they are trimmed from files as well.
func credentialIn(lookup func(string) (string, bool), name string) string {
	text, _ := lookup(name)
	return strings.TrimSpace(text)
}

// oneWord refuses what cannot be a credential, before it goes into a request that
// fails with words about something else. The text is not repeated.
func oneWord(from, text string) error {
	at := strings.IndexFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) })
	if at < 0 {
		return nil
	}
	what := "a blank"
	switch c := text[at]; {
	case c == '\n' || c == '\r':
		what = "a line end"
	case c != ' ' && c != '\t':
		what = "a character that no credential has"
	}
	return exitcode.Errorf(exitcode.Config, "set it to the credential alone, on one line", "%s has %s inside", from, what)
}

// identityOf is a machine identity out of two texts; each comes with where it is from.
func identityOf(idFrom, id, secretFrom, clientSecret string) (client.Auth, error) {
	if err := cmp.Or(oneWord(idFrom, id), oneWord(secretFrom, clientSecret)); err != nil {
		return nil, err
	}
	return client.UniversalAuth(id, secret.NewValue(clientSecret)), nil
}

// fromEnvironment sees a token and a machine identity at most: of several
// spellings of the same the first wins, as in the CLI.
func (o *Server) fromEnvironment(lookup func(string) (string, bool)) []candidate {
	var list []candidate
	for _, name := range TokenVariables {
		if text := credentialIn(lookup, name); text != "" {
			list = append(list, candidate{name, func() (client.Auth, error) {
				if err := oneWord(name, text); err != nil {
					return nil, err
				}
				value := secret.NewValue(bearer(text))
				return client.TokenAuth(func() (secret.Value, error) { return value, nil }), nil
			}})
			break
		}
	}
	for _, prefix := range IdentityPrefixes {
		id, text := credentialIn(lookup, prefix+"CLIENT_ID"), credentialIn(lookup, prefix+"CLIENT_SECRET")
		if id == "" && text == "" {
			continue
		}
		if o.identityByFlag() && (id == "" || text == "") {
			break // the other half of the flag
		}
		list = append(list, candidate{prefix + "CLIENT_ID", func() (client.Auth, error) {
			if id == "" || text == "" {
				return nil, exitcode.Errorf(exitcode.Config, "set both", "only one of %sCLIENT_ID and %sCLIENT_SECRET is set", prefix, prefix)
			}
			return identityOf(prefix+"CLIENT_ID", id, prefix+"CLIENT_SECRET", text)
		}})
		break
	}
	return list
}

// maxSecretFile is far more than any token has.
const maxSecretFile = 64 << 10

// readSecretFile reads one secret, without the newline that editors and echo
// put behind it.
func readSecretFile(flag, path string) (secret.Value, error) {
	const hint = "name a file that holds nothing but the secret and that whoever mounts may read"
	if LooksLikeSecret(path) {
		return secret.Value{}, exitcode.Errorf(exitcode.Config, hint, "%s: this is not the name of a file but looks like the secret itself", flag)
	}
	file, err := os.Open(path)
	if err != nil {
		return secret.Value{}, exitcode.Errorf(exitcode.Config, hint, "%s: cannot read %s: %w", flag, path, PathError(err))
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	if err != nil {
		return secret.Value{}, exitcode.Errorf(exitcode.Config, hint, "%s: cannot read %s: %w", flag, path, PathError(err))
	}
	value := strings.TrimSpace(string(text))
	switch {
	case value == "":
		return secret.Value{}, exitcode.Errorf(exitcode.Config, hint, "%s: %s is empty", flag, path)
	case len(text) > maxSecretFile || strings.ContainsAny(value, "\r\n"):
		return secret.Value{}, exitcode.Errorf(exitcode.Config, hint, "%s: %s holds more than one line", flag, path)
	}
	if err := oneWord(flag+": "+path, value); err != nil {
		return secret.Value{}, err
	}
	return secret.NewValue(bearer(value)), nil
}

// bearer leaves away what a service token has behind its third dot: the server
// wants only the first three parts.
func bearer(text string) string {
	if parts := strings.SplitN(text, ".", 4); parts[0] == "st" && len(parts) == 4 {
		return strings.Join(parts[:3], ".")
	}
	return text
}

// LooksLikeSecret recognises a token where the name of its file is wanted, so
// that a slip does not put it into an error and from there into a log.
func LooksLikeSecret(path string) bool {
	return len(path) > 200 && !strings.Contains(path, "/") || strings.HasPrefix(path, "eyJ") || strings.HasPrefix(path, "st.")
}

func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// String tells where the credentials come from, and none of what they are.
func (f Found) String() string {
	if len(f.losers) == 0 {
		return f.from
	}
	return fmt.Sprintf("%s (not used: %s)", f.from, strings.Join(f.losers, ", "))
}
