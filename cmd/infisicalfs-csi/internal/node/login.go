package node

import (
	"context"

	"infisicalfs/client"
	"infisicalfs/internal/volume"
	"infisicalfs/secret"
)

// kubernetes is the method by which a service account logs in.
const kubernetes = "kubernetes"

// LoginAs is [volume.Config.LoginAs] for the accounts of pods, on the server that cfg names.
func LoginAs(cfg client.Config) func(volume.Account, func() (secret.Value, error)) (client.Config, error) {
	return func(account volume.Account, credential func() (secret.Value, error)) (client.Config, error) {
		cfg.Auth = client.IdentityAuth(client.Method{
			Name: kubernetes, Path: "kubernetes-auth", Remote: true,
			Proof: func(context.Context) (client.Proof, error) {
				token, err := credential()
				return proof(account, token), err
			},
			Inputs: func() ([]byte, error) {
				token, err := credential()
				return []byte(token.Reveal()), err
			},
		})
		return cfg, nil
	}
}

// proof is what an account shows.
func proof(account volume.Account, token secret.Value) client.Proof {
	fields := map[string]any{"identityId": account.Identity, "jwt": token.Reveal()}
	if slug := account.Organization; slug != "" { // by the names of the servers of today, and of before
		fields["organizationSlug"], fields["subOrganizationName"] = slug, slug
	}
	return client.Proof{Fields: fields, Secret: []string{"jwt"}}
}
