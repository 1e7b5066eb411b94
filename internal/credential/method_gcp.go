package credential

import (
	"context"
	"time"

	"infisicalfs/client"
	"infisicalfs/internal/credential/internal/gcp"
	"infisicalfs/internal/credential/internal/metadata"
)

// gcpIdentity is of both methods of Google Cloud: who is fed with a key is the one, else
// the machine's.
var gcpIdentity = []string{"INFISICAL_GCP_AUTH_IDENTITY_ID"}

// gcpIDToken is the service account of a machine at Google Cloud, of which the machine's
// metadata service makes a token.
func gcpIDToken() *Method {
	return &Method{
		Name: "gcp-id-token", Path: "gcp-auth", Summary: "the service account of a machine at Google Cloud",
		Identity: gcpIdentity, Remote: true,
		Elsewhere: func(ctx context.Context, s *Search, rank Rank) string {
			if rank != Machine {
				return ""
			}
			return inCloud("Google Cloud", s.metadata().Here(ctx, metadata.GCP))
		},
		Prove: func(s *Search) (Prover, error) {
			services, id := s.metadata(), s.id
			return Prover{Proof: func(ctx context.Context) (client.Proof, error) {
				token, err := gcp.IDToken(ctx, services, id)
				if err != nil {
					return client.Proof{}, err
				}
				return jwtProof("the metadata service of Google Cloud", token)
			}}, nil
		},
	}
}

var (
	gcpKey = Setting{
		Flag: "gcp-key-file", Usage: "`file` with the key of a service account, as Google's console makes it (gcp-iam)",
		Paths: []string{"INFISICAL_GCP_IAM_SERVICE_ACCOUNT_KEY_FILE_PATH"}, Stored: "infisical-gcp-key",
	}

	// Google's own variable is set for many purposes, so it picks nothing.
	gcpDefaultKey = Setting{Paths: []string{"GOOGLE_APPLICATION_CREDENTIALS"}, Shared: true}
)

// gcpIAM is a service account of Google Cloud whose key somebody has downloaded.
func gcpIAM() *Method {
	return &Method{
		Name: "gcp-iam", Path: "gcp-auth", Summary: "the key of a service account of Google Cloud",
		Identity: gcpIdentity, Settings: []Setting{gcpKey, gcpDefaultKey}, Remote: true,
		Prove: proveGCPKey,
	}
}

func proveGCPKey(s *Search) (Prover, error) {
	path, from := s.path(gcpKey)
	settle := s.settle
	if path == "" { // the other one is for other programs too, so it stays
		path, from = s.path(gcpDefaultKey)
		settle = func(from, path string) (bool, error) { return false, s.guard(from, path) }
	}
	if path == "" {
		return Prover{}, missing("gcp-iam", "--gcp-key-file", gcpKey.Paths[0])
	}
	read, inputs := func() (*gcp.Key, error) { return gcp.ReadKey(from, path) }, contentOf(path)
	key, err := read()
	if err != nil {
		return Prover{}, err
	}
	kept, err := settle(from, path)
	if err != nil {
		return Prover{}, err
	}
	if kept {
		read, inputs = func() (*gcp.Key, error) { return key, nil }, nil
	}
	id := s.id
	return Prover{Inputs: inputs, Proof: func(context.Context) (client.Proof, error) {
		key, err := read()
		if err != nil {
			return client.Proof{}, err
		}
		token, err := key.Sign(id, time.Now())
		if err != nil {
			return client.Proof{}, err
		}
		return jwtProof(from, token)
	}}, nil
}
