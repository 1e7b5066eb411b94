package credential

import (
	"context"
	"fmt"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
)

// The spellings of Infisical's CLI and SDKs. A variable of the first prefix wins over
// the same of the second; an id and a secret of different prefixes do not belong together.
var identityPrefixes = []string{"INFISICAL_UNIVERSAL_AUTH_", "INFISICAL_"}

func clientID(prefixes ...string) Setting {
	s := Setting{Flag: "client-id", Usage: "client `id` of a machine identity (universal auth)", Stored: "infisical-client-id"}
	for _, prefix := range prefixes {
		s.Variables = append(s.Variables, prefix+"CLIENT_ID")
	}
	return s
}

func clientSecret(prefixes ...string) Setting {
	s := Setting{Flag: "client-secret-file", Usage: "`file` with the client secret; /dev/fd/N reads a descriptor", Stored: "infisical-client-secret", Secret: true}
	for _, prefix := range prefixes {
		s.Variables = append(s.Variables, prefix+"CLIENT_SECRET")
	}
	return s
}

// ClientID is the client id of universal auth that counts, empty if there is none.
func (s *Search) ClientID() string {
	id, _ := s.Text(clientID(identityPrefixes...))
	return id
}

func universalAuth() *Method {
	return &Method{
		Name: "universal-auth", Path: "universal-auth",
		Summary:  "a client id and a client secret",
		Settings: []Setting{clientID(identityPrefixes...), clientSecret(identityPrefixes...)},
		Prove:    proveUniversal,
	}
}

func proveUniversal(s *Search) (Prover, error) {
	prefixes := identityPrefixes
	for i, prefix := range prefixes { // the first that says what no flag says counts
		if s.Flags.Get("client-id") == "" && s.variable(prefix+"CLIENT_ID") != "" ||
			s.Flags.Get("client-secret-file") == "" && s.variable(prefix+"CLIENT_SECRET") != "" {
			prefixes = prefixes[i : i+1]
			break
		}
	}
	id, idFrom := s.Text(clientID(prefixes...))
	source, err := s.Secret(clientSecret(prefixes...))
	switch {
	case err != nil:
		return Prover{}, err
	case id == "" && source.From == "":
		return Prover{}, missing("universal-auth", "--client-id and --client-secret-file", prefixes[0]+"CLIENT_ID and "+prefixes[0]+"CLIENT_SECRET")
	case id == "":
		return Prover{}, exitcode.Errorf(exitcode.Config, "add --client-id, or set "+prefixes[0]+"CLIENT_ID", "%s without a client id", source.From)
	case source.From == "":
		return Prover{}, exitcode.Errorf(exitcode.Config, "add --client-secret-file, or set "+prefixes[0]+"CLIENT_SECRET", "%s without a client secret", idFrom)
	}
	if err := oneWord(idFrom, id); err != nil {
		return Prover{}, err
	}
	s.identity = "universal-auth " + id
	return Prover{
		Proof: func(context.Context) (client.Proof, error) {
			value, err := source.Read()
			if err != nil {
				return client.Proof{}, fmt.Errorf("cannot read the client secret: %w", err)
			}
			return client.Proof{Fields: map[string]any{"clientId": id, "clientSecret": value.Reveal()}, Secret: []string{"clientSecret"}}, nil
		},
		Inputs: source.inputs,
	}, nil
}
