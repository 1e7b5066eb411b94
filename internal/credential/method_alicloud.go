package credential

import (
	"context"
	"crypto/rand"
	"time"

	"infisicalfs/client"
	"infisicalfs/internal/credential/internal/alicloud"
)

// alicloudAuth is a user of Alibaba Cloud with an access key.
func alicloudAuth() *Method {
	return &Method{
		Name: "alicloud-auth", Path: "alicloud-auth", Summary: "the access key of a user of Alibaba Cloud",
		Identity: []string{"INFISICAL_ALICLOUD_AUTH_IDENTITY_ID"}, Remote: true,
		Elsewhere: func(_ context.Context, s *Search, rank Rank) string {
			if rank != Machine {
				return ""
			}
			return inCloud("Alibaba Cloud", alicloud.Hint(s.Lookup))
		},
		Prove: func(s *Search) (Prover, error) {
			key, err := alicloud.Find(s.Lookup)
			if err != nil {
				return Prover{}, err
			}
			return Prover{Proof: func(context.Context) (client.Proof, error) {
				proof := client.Proof{Fields: map[string]any{}, Secret: []string{"Signature"}}
				for name, value := range alicloud.Sign(key, rand.Text(), time.Now()) {
					proof.Fields[name] = value
				}
				return proof, nil
			}}, nil
		},
	}
}
