package credential

import (
	"cmp"
	"context"

	"infisicalfs/client"
	"infisicalfs/internal/credential/internal/spiffe"
)

var (
	spiffeSocket   = Setting{Flag: "spiffe-socket", Usage: "`path` of the agent's socket (spiffe-auth; default: what " + spiffe.Variable + " says)"}
	spiffeAudience = Setting{Flag: "spiffe-audience", Usage: "`audience` of the token (spiffe-auth; default: infisical)", Shared: true}
	spiffeID       = Setting{Flag: "spiffe-id", Usage: "`id` of the workload, if it has several (spiffe-auth)", Shared: true}
)

// spiffeAuth is a workload's JWT-SVID, out of a file or from the agent on this machine.
func spiffeAuth() *Method {
	return &Method{
		Name: "spiffe-auth", Path: "spiffe-auth", Summary: "a workload's SPIFFE id (JWT-SVID)",
		Identity: []string{"INFISICAL_SPIFFE_AUTH_IDENTITY_ID"},
		Settings: []Setting{spiffeSocket, spiffeAudience, spiffeID, jwtFile(), jwtVariable()},
		Remote:   true,
		Elsewhere: func(_ context.Context, s *Search, rank Rank) string {
			if rank == Machine && s.variable(spiffe.Variable) != "" {
				return "the SPIFFE agent (" + spiffe.Variable + ")"
			}
			return ""
		},
		Prove: func(s *Search) (Prover, error) {
			source, err := s.Secret(jwtFile(), jwtVariable())
			if err != nil {
				return Prover{}, err
			}
			if source.From != "" {
				return proveByJWT(source), nil
			}
			socket, _ := s.Text(spiffeSocket)
			audience, _ := s.Text(spiffeAudience)
			id, _ := s.Text(spiffeID)
			request := spiffe.Request{Socket: cmp.Or(socket, s.variable(spiffe.Variable)), Audience: cmp.Or(audience, "infisical"), ID: id}
			if request.Socket == "" {
				return Prover{}, missing("spiffe-auth", "--spiffe-socket", spiffe.Variable, "--jwt-file")
			}
			return Prover{Proof: func(ctx context.Context) (client.Proof, error) {
				token, err := spiffe.Fetch(ctx, request)
				if err != nil {
					return client.Proof{}, err
				}
				return jwtProof("the SPIFFE agent", token)
			}}, nil
		},
	}
}
