package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"infisicalfs/client"
	"infisicalfs/secret"
)

// found is the outcome of looking for credentials: the ones to use, where they
// come from, and which others lost.
type found struct {
	auth   client.Auth // nil: none
	from   string
	losers []string
}

// candidate is one place where credentials were seen. open is called for the
// winner only.
type candidate struct {
	from string
	open func() (client.Auth, error)
}

// credentials looks in order: flags, then the environment in the spellings of
// Infisical's CLI and SDKs. Two in one place contradict each other, which is an
// error; of two places the first wins.
func (o *serverOptions) credentials(lookup func(string) (string, bool)) (found, error) {
	var result found
	places := [][]candidate{o.fromFlags(lookup), fromEnvironment(lookup)}
	for _, place := range places {
		if len(place) == 0 {
			continue
		}
		if result.from != "" {
			for _, c := range place {
				result.losers = append(result.losers, c.from)
			}
			continue
		}
		if len(place) > 1 {
			return found{}, configError("remove all but one", "two credentials at once: %s and %s", place[0].from, place[1].from)
		}
		auth, err := place[0].open()
		if err != nil {
			return found{}, err
		}
		result.auth, result.from = auth, place[0].from
	}
	return result, nil
}

func (o *serverOptions) fromFlags(lookup func(string) (string, bool)) []candidate {
	var list []candidate
	if o.tokenFile != "" {
		list = append(list, candidate{"--token-file", func() (client.Auth, error) {
			read := func() (secret.Value, error) { return readSecretFile("--token-file", o.tokenFile) }
			value, err := read()
			if err != nil {
				return nil, err
			}
			if !isRegular(o.tokenFile) { // a descriptor can be read once only
				read = func() (secret.Value, error) { return value, nil }
			}
			return client.TokenAuth(read), nil
		}})
	}
	if o.clientID != "" || o.clientSecretFile != "" {
		list = append(list, candidate{"--client-id", func() (client.Auth, error) {
			id := firstOf(lookup, o.clientID, "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", "INFISICAL_CLIENT_ID")
			if id == "" {
				return nil, configError("add --client-id", "--client-secret-file without a client id")
			}
			if o.clientSecretFile == "" {
				value := firstOf(lookup, "", "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET", "INFISICAL_CLIENT_SECRET")
				if value == "" {
					return nil, configError("add --client-secret-file", "--client-id without a client secret")
				}
				return client.UniversalAuth(id, secret.NewValue(value)), nil
			}
			value, err := readSecretFile("--client-secret-file", o.clientSecretFile)
			if err != nil {
				return nil, err
			}
			return client.UniversalAuth(id, value), nil
		}})
	}
	return list
}

func fromEnvironment(lookup func(string) (string, bool)) []candidate {
	var list []candidate
	for _, name := range []string{"INFISICAL_UNIVERSAL_AUTH_ACCESS_TOKEN", "INFISICAL_TOKEN", "INFISICAL_ACCESS_TOKEN"} {
		if text, _ := lookup(name); text != "" {
			list = append(list, candidate{name, func() (client.Auth, error) {
				value := secret.NewValue(bearer(text))
				return client.TokenAuth(func() (secret.Value, error) { return value, nil }), nil
			}})
			break // several spellings of a token: the first wins, as in the CLI
		}
	}
	for _, prefix := range []string{"INFISICAL_UNIVERSAL_AUTH_", "INFISICAL_"} {
		id, _ := lookup(prefix + "CLIENT_ID")
		text, _ := lookup(prefix + "CLIENT_SECRET")
		if id == "" && text == "" {
			continue
		}
		list = append(list, candidate{prefix + "CLIENT_ID", func() (client.Auth, error) {
			if id == "" || text == "" {
				return nil, configError("set both", "only one of %sCLIENT_ID and %sCLIENT_SECRET is set", prefix, prefix)
			}
			return client.UniversalAuth(id, secret.NewValue(text)), nil
		}})
		break
	}
	return list
}

// readSecretFile reads one secret, without the newline that editors and echo
// put behind it.
func readSecretFile(flag, path string) (secret.Value, error) {
	file, err := os.Open(path)
	if err != nil {
		return secret.Value{}, configError("the file must be readable by whoever mounts", "%s: cannot read %s: %w", flag, path, pathError(err))
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 64<<10))
	if err != nil {
		return secret.Value{}, configError("", "%s: cannot read %s: %w", flag, path, pathError(err))
	}
	value := strings.TrimSpace(string(text))
	if value == "" {
		return secret.Value{}, configError("", "%s: %s is empty", flag, path)
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

func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func (f found) String() string {
	if f.from == "" {
		return "none"
	}
	if len(f.losers) == 0 {
		return f.from
	}
	return fmt.Sprintf("%s (not used: %s)", f.from, strings.Join(f.losers, ", "))
}
