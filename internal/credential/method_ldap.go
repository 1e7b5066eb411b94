package credential

import (
	"context"
	"fmt"

	"infisicalfs/client"
)

// ldapAuth is a name and a password that the server shows to a directory.
func ldapAuth() *Method {
	username := Setting{Flag: "ldap-username", Usage: "`name` to log in with (ldap-auth)", Variables: []string{"INFISICAL_LDAP_USERNAME"}, Stored: "infisical-ldap-username"}
	password := Setting{Flag: "ldap-password-file", Usage: "`file` with the password (ldap-auth)", Variables: []string{"INFISICAL_LDAP_PASSWORD"},
		Stored: "infisical-ldap-password", Secret: true, Free: true}
	return &Method{
		Name: "ldap-auth", Path: "ldap-auth", Summary: "a name and a password of a directory",
		Identity: []string{"INFISICAL_LDAP_IDENTITY_ID", "INFISICAL_LDAP_AUTH_IDENTITY_ID"},
		Settings: []Setting{username, password},
		Prove: func(s *Search) (Prover, error) {
			name, _ := s.Text(username)
			source, err := s.Secret(password)
			if err != nil {
				return Prover{}, err
			}
			if name == "" || source.From == "" {
				return Prover{}, missing("ldap-auth", "--ldap-username and --ldap-password-file", "INFISICAL_LDAP_USERNAME and INFISICAL_LDAP_PASSWORD")
			}
			return Prover{
				Proof: func(context.Context) (client.Proof, error) {
					value, err := source.Read()
					if err != nil {
						return client.Proof{}, fmt.Errorf("cannot read the password: %w", err)
					}
					return client.Proof{Fields: map[string]any{"username": name, "password": value.Reveal()}, Secret: []string{"password"}}, nil
				},
				Inputs: source.inputs,
			}, nil
		},
	}
}
