package credential

import (
	"context"
	"time"

	"infisicalfs/client"
	"infisicalfs/internal/credential/internal/oci"
)

// ociAuth is a user of Oracle's cloud with an API key.
func ociAuth() *Method {
	return &Method{
		Name: "oci-auth", Path: "oci-auth", Summary: "the API key of a user of Oracle's cloud",
		Identity: []string{"INFISICAL_OCI_AUTH_IDENTITY_ID"}, Remote: true,
		Elsewhere: func(_ context.Context, s *Search, rank Rank) string {
			if rank != Machine {
				return ""
			}
			return inCloud("Oracle's cloud", oci.Hint(s.around().lookup))
		},
		Prove: func(s *Search) (Prover, error) {
			lookup := s.around().lookup
			if _, err := oci.Find(lookup); err != nil {
				return Prover{}, err
			}
			return Prover{Inputs: contentNow(func() []string { return oci.Files(lookup) }), Proof: func(context.Context) (client.Proof, error) {
				key, err := oci.Find(lookup)
				if err != nil {
					return client.Proof{}, err
				}
				headers, err := oci.Sign(key, time.Now())
				if err != nil {
					return client.Proof{}, err
				}
				return client.Proof{Fields: map[string]any{"userOcid": key.User, "headers": headers}, Secret: []string{"headers"}}, nil
			}}, nil
		},
	}
}
