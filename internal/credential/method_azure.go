package credential

import (
	"cmp"
	"context"

	"infisicalfs/client"
)

var (
	azureClientID = Setting{Flag: "azure-client-id", Usage: "client `id` of one of several managed identities (azure)", Variables: []string{"INFISICAL_AZURE_AUTH_CLIENT_ID"}}
	azureResource = Setting{Flag: "azure-resource", Usage: "`address` of the resource that the token is for (azure; default " + azureManagement + ")", Shared: true}
)

const azureManagement = "https://management.azure.com/"

// azureAuth is a managed or workload identity of Azure.
func azureAuth() *Method {
	return &Method{
		Name: "azure", Path: "azure-auth", Summary: "a managed or workload identity of Azure",
		Identity: []string{"INFISICAL_AZURE_AUTH_IDENTITY_ID"},
		Settings: []Setting{azureClientID, azureResource},
		Remote:   true,
		Elsewhere: func(ctx context.Context, s *Search, rank Rank) string {
			if rank != Machine {
				return ""
			}
			return inCloud("Azure", s.azureSources().Hint(ctx))
		},
		Prove: func(s *Search) (Prover, error) {
			clientID, _ := s.Text(azureClientID)
			resource, _ := s.Text(azureResource)
			sources := s.azureSources()
			return Prover{Inputs: contentNow(sources.Files), Proof: func(ctx context.Context) (client.Proof, error) {
				token, err := sources.Token(ctx, cmp.Or(resource, azureManagement), clientID)
				if err != nil {
					return client.Proof{}, err
				}
				return jwtProof("Azure", token)
			}}, nil
		},
	}
}
