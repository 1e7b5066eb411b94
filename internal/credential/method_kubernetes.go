package credential

import "context"

// serviceAccountToken is where pods have the token of their service account.
const serviceAccountToken = "/var/run/secrets/kubernetes.io/serviceaccount/token"

// jwtFile is the flag of all methods that show a JWT out of a file. It picks none.
func jwtFile() Setting {
	return Setting{Flag: "jwt-file", Usage: "`file` with the JWT to log in with (kubernetes, oidc-auth, jwt-auth, spiffe-auth); read again for each login",
		Stored: "infisical-jwt", Secret: true, Shared: true, Public: true}
}

// kubernetes is a pod's service account. The kubelet replaces the token of a projected
// volume, so its path is opened anew for each login.
func kubernetes() *Method {
	account := Setting{
		Variables: []string{"INFISICAL_KUBERNETES_SERVICE_ACCOUNT_TOKEN"},
		Paths:     []string{"INFISICAL_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH"},
		Default:   serviceAccountToken, Secret: true, Shared: true, Public: true,
	}
	return &Method{
		Name: "kubernetes", Path: "kubernetes-auth", Summary: "a pod's service account",
		Identity: []string{"INFISICAL_KUBERNETES_IDENTITY_ID", "INFISICAL_KUBERNETES_AUTH_IDENTITY_ID"},
		Settings: []Setting{jwtFile(), account},
		Remote:   true,
		Elsewhere: func(_ context.Context, _ *Search, rank Rank) string {
			if rank == Machine && exists(serviceAccountToken) {
				return "the service account in " + serviceAccountToken
			}
			return ""
		},
		Prove: func(s *Search) (Prover, error) {
			source, err := s.Secret(jwtFile(), account)
			if err != nil {
				return Prover{}, err
			}
			if source.From == "" {
				return Prover{}, missing("kubernetes", "--jwt-file with the path of a projected service account token", "a service account to the pod: there is no "+serviceAccountToken)
			}
			return proveByJWT(source), nil
		},
	}
}
