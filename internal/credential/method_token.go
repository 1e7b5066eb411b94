package credential

import (
	"strings"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

func tokenSetting() Setting {
	return Setting{
		Flag: "token-file", Usage: "`file` with an access token; read again when the server refuses it",
		Variables: []string{"INFISICAL_UNIVERSAL_AUTH_ACCESS_TOKEN", "INFISICAL_TOKEN", "INFISICAL_ACCESS_TOKEN"},
		Stored:    "infisical-token", Secret: true,
	}
}

// token is an access token that somebody else has obtained; it may be a service token.
func token() *Method {
	return &Method{
		Name: "token", Summary: "an access token that somebody else has obtained",
		Settings: []Setting{tokenSetting()},
		Open: func(s *Search) (client.Auth, error) {
			source, err := s.Secret(tokenSetting())
			if err != nil {
				return nil, err
			}
			if source.From == "" {
				return nil, missing("token", "--token-file", "INFISICAL_TOKEN")
			}
			return s.tokenAuth(source)
		},
	}
}

// tokenAuth looks at the token now for its kind and end.
func (s *Search) tokenAuth(source Source) (client.Auth, error) {
	value, err := source.Read()
	if err != nil {
		return nil, err
	}
	if err := checkEnd(source.From, value); err != nil {
		return nil, err
	}
	// Another one's token may be in the file tomorrow.
	if owner := client.TokenOwner(value); source.file != "" && owner != "" {
		s.identity = "token " + source.file + " of " + owner
	}
	return client.TokenAuth(func() (secret.Value, error) {
		value, err := source.Read()
		if err != nil {
			return secret.Value{}, err
		}
		value = secret.NewValue(bearer(value.Reveal()))
		return value, withCure(checkEnd(source.From, value))
	}), nil
}

// bearer leaves away what a service token has behind its third dot, the key that
// encrypted secrets with: the server wants only the first three parts.
func bearer(text string) string {
	if parts := strings.SplitN(text, ".", 4); parts[0] == "st" && len(parts) == 4 {
		return strings.Join(parts[:3], ".")
	}
	return text
}

// isServiceToken reports whether a token is one of the old kind, of one project.
func isServiceToken(text string) bool { return strings.HasPrefix(text, "st.") }

// serviceToken is a token of one project, as servers made them before there were
// machine identities.
func serviceToken() *Method {
	own := Setting{Variables: []string{"INFISICAL_SERVICE_TOKEN"}, Stored: "infisical-service-token", Secret: true}
	given := tokenSetting()
	given.Shared = true
	return &Method{
		Name: "service-token", Summary: "a service token (st.…) of one project",
		Settings: []Setting{own, given},
		Open: func(s *Search) (client.Auth, error) {
			source, err := s.Secret(own, given)
			if err != nil {
				return nil, err
			}
			if source.From == "" {
				return nil, missing("service-token", "--token-file", "INFISICAL_TOKEN", "INFISICAL_SERVICE_TOKEN")
			}
			if value, err := source.Read(); err == nil && !isServiceToken(value.Reveal()) {
				return nil, exitcode.Errorf(exitcode.Config, "a service token begins with st.; for other tokens it is --auth token", "%s: this is no service token", source.From)
			}
			return s.tokenAuth(source)
		},
	}
}
