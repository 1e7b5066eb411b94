package credential

import (
	"context"
	"strings"

	"infisicalfs/client"
	"infisicalfs/internal/credential/internal/tokenfile"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/namedfile"
	"infisicalfs/secret"
)

// inputs is the source's content, for [Prover.Inputs].
func (s Source) inputs() ([]byte, error) {
	value, err := s.Read()
	return []byte(value.Reveal()), err
}

// contentNow is [contentOf] for files whose names are found anew each time, and which may
// be missing.
func contentNow(paths func() []string) func() ([]byte, error) {
	return func() (all []byte, err error) {
		for _, path := range paths() {
			if text, err := tokenfile.Read("", path); err == nil { // never waits, as opening a pipe would
				all = append(append(all, text...), 0)
			}
		}
		return all, nil
	}
}

// contentOf returns what reads a file, for [Prover.Inputs].
func contentOf(paths ...string) func() ([]byte, error) {
	return func() (all []byte, err error) {
		for _, path := range paths {
			text, err := namedfile.Read(path, maxFile)
			if err != nil {
				return nil, exitcode.PathError(err)
			}
			all = append(all, text...)
		}
		return all, nil
	}
}

// missing is the error of a method that was picked and has no credential: what gives it
// one, each way as people write it.
func missing(method string, ways ...string) error {
	return exitcode.Errorf(exitcode.Login, "give "+strings.Join(ways, ", or "), "%s was picked, and there is no credential for it", method)
}

// proveByJWT is the proof of the methods whose body has one JWT, which is read from the
// source for each login. One that has ended is said to have, and not sent.
func proveByJWT(source Source) Prover {
	return Prover{
		Proof: func(context.Context) (client.Proof, error) {
			value, err := source.Read()
			if err != nil {
				return client.Proof{}, err
			}
			return jwtProof(source.From, value)
		},
		Inputs: source.inputs,
	}
}

func jwtProof(from string, token secret.Value) (client.Proof, error) {
	if err := checkEnd(from, token); err != nil {
		return client.Proof{}, err
	}
	return client.Proof{Fields: map[string]any{"jwt": token.Reveal()}, Secret: []string{"jwt"}}, nil
}
