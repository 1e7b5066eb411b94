package node

import (
	"context"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/volume"
	"infisicalfs/secret"
)

// The methods by which accounts of volumes log in.
const (
	kubernetes = "kubernetes" // with a token of the pod's service account
	universal  = "universal"  // with a client secret, from a Secret of the cluster
)

// Secrets by which a volume logs in with a client secret, as a Secret of the cluster has them that
// nodePublishSecretRef names.
const (
	clientID     = "clientId"
	clientSecret = "clientSecret"
)

// Login is an identity of the node's configuration: which server, and as whom there. It has no
// credentials: those come with volumes.
type Login struct {
	Client           client.Config
	IdentityID       string // of the machine identity that service accounts log in as
	OrganizationSlug string // of the sub-organisation to log in to
}

// Logins returns the identity of the configuration with that name, or, for the empty name, the one
// of volumes that name none. It asks no server.
type Logins func(name string) (Login, error)

// LoginAs is [volume.Config.LoginAs] for the accounts of pods.
func (l Logins) LoginAs(account volume.Account, credential func() (secret.Value, error)) (client.Config, error) {
	login, err := l(account.Config)
	cfg := login.Client
	if account.Method == universal {
		cfg.Auth = client.UniversalAuthFrom(account.Identity, credential)
		return cfg, err
	}
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
	return cfg, err
}

// proof is what a service account shows.
func proof(account volume.Account, token secret.Value) client.Proof {
	fields := map[string]any{"identityId": account.Identity, "jwt": token.Reveal()}
	if slug := account.Organization; slug != "" { // by the names of the servers of today, and of before
		fields["organizationSlug"], fields["subOrganizationName"] = slug, slug
	}
	return client.Proof{Fields: fields, Secret: []string{"jwt"}}
}

// handed is as whom a volume is read: with the client secret that came with it, or as the pod's
// service account.
func (l Logins) handed(a attributes) (h volume.Handed, err error) {
	login, err := l(a.config)
	if err != nil {
		return h, err
	}
	h.Account = volume.Account{Config: a.config, Identity: a.identity, Organization: a.organization, Subject: a.namespace + "/" + a.account}
	if h.Account.Organization == "" {
		h.Account.Organization = login.OrganizationSlug
	}
	if a.clientID != "" || a.clientSecret.Len() > 0 {
		return withSecret(h, a)
	}
	if h.Account.Identity == "" {
		h.Account.Identity = login.IdentityID
	}
	if h.Account.Identity == "" {
		return h, exitcode.Errorf(exitcode.Config, "add the attribute identity-id, the id of a machine identity", "the volume does not say as whom it is read")
	}
	h.Account.Method = kubernetes
	h.Credential, h.Until, h.Account.Audience, err = token(a.tokens, a.audience)
	return h, err
}

// withSecret is h, logging in with a client secret. Who wrote the Secret is not vouched for by
// anybody, but it is one of the pod's namespace.
func withSecret(h volume.Handed, a attributes) (volume.Handed, error) {
	switch {
	case a.clientID == "" || a.clientSecret.Len() == 0:
		return h, exitcode.Errorf(exitcode.Config, "give it both keys, "+clientID+" and "+clientSecret, "the Secret of nodePublishSecretRef is not complete")
	case a.identity != "" || a.audience != "":
		return h, exitcode.Errorf(exitcode.Config, "leave out the attribute or nodePublishSecretRef", "the attributes %s and %s are for service accounts, and there is a client secret", wordIdentityID, wordAudience)
	case h.Account.Organization != "":
		return h, exitcode.Errorf(exitcode.Config, "leave out the attribute", "the attribute %s is for service accounts, and there is a client secret", wordOrganization)
	}
	h.Account.Method, h.Account.Identity, h.Account.Subject = universal, a.clientID, a.namespace
	h.Credential, h.Unproven = a.clientSecret, true
	return h, nil
}
