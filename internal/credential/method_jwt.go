package credential

// jwtVariable has the JWT of both methods that take any, so it picks none.
func jwtVariable() Setting {
	return Setting{Variables: []string{"INFISICAL_JWT", "INFISICAL_AUTH_JWT"}, Secret: true, Shared: true}
}

// jwtAuth is a JWT that the server judges by keys that it was told.
func jwtAuth() *Method {
	return &Method{
		Name: "jwt-auth", Path: "jwt-auth", Summary: "a JWT that the server has the keys of",
		Identity: []string{"INFISICAL_JWT_IDENTITY_ID", "INFISICAL_JWT_AUTH_IDENTITY_ID"},
		Settings: []Setting{jwtFile(), jwtVariable()},
		Prove: func(s *Search) (Prover, error) {
			source, err := s.Secret(jwtFile(), jwtVariable())
			if err != nil {
				return Prover{}, err
			}
			if source.From == "" {
				return Prover{}, missing("jwt-auth", "--jwt-file", "INFISICAL_JWT")
			}
			return proveByJWT(source), nil
		},
	}
}
