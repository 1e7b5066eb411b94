package credential

import (
	"context"

	"infisicalfs/client"
)

// awsIAM is who a machine, pod or person is at AWS: the server repeats a request that is
// signed here, and learns from AWS who has signed it.
func awsIAM() *Method {
	return &Method{
		Name: "aws-iam", Path: "aws-auth", Summary: "a role or user of AWS",
		Identity: []string{"INFISICAL_AWS_IAM_AUTH_IDENTITY_ID", "INFISICAL_AWS_AUTH_IDENTITY_ID"},
		Remote:   true,
		Elsewhere: func(ctx context.Context, s *Search, rank Rank) string {
			if rank != Machine {
				return ""
			}
			return inCloud("AWS", s.awsSources().Hint(ctx))
		},
		Prove: func(s *Search) (Prover, error) {
			sources := s.awsSources()
			return Prover{Inputs: contentNow(sources.Files), Proof: func(ctx context.Context) (client.Proof, error) {
				proof, err := sources.Prove(ctx)
				if err != nil {
					return client.Proof{}, err
				}
				return client.Proof{
					Fields: map[string]any{"iamHttpRequestMethod": proof.Method, "iamRequestBody": proof.Body, "iamRequestHeaders": proof.Headers},
					Secret: []string{"iamRequestHeaders"},
				}, nil
			}}, nil
		},
	}
}

// inCloud names a cloud and the hint of it, empty if there is none.
func inCloud(name, hint string) string {
	if hint == "" {
		return ""
	}
	return name + " (" + hint + ")"
}
