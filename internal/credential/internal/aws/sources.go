package aws

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"infisicalfs/internal/credential/internal/metadata"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// ErrNone is wrapped by the error of who finds no keys at all.
var ErrNone = errors.New("no keys of AWS")

// Sources is where keys are looked for. All fields are needed.
type Sources struct {
	Lookup    func(name string) (string, bool) // the environment
	Web       http.RoundTripper                // to STS, over the internet
	Metadata  *metadata.Client
	Container http.RoundTripper // to the address that a container is told, without a proxy
	Now       func() time.Time
}

// Hint says in a few words which source would be taken, empty if there is none. That it
// works is not said: nobody is asked for it but the metadata service, whether it is there,
// on a machine that seems to have one.
func (s *Sources) Hint(ctx context.Context) string {
	switch {
	case s.variable("AWS_ACCESS_KEY_ID") != "" || s.variable("AWS_ACCESS_KEY") != "":
		return "AWS_ACCESS_KEY_ID"
	case s.variable("AWS_WEB_IDENTITY_TOKEN_FILE") != "":
		return "AWS_WEB_IDENTITY_TOKEN_FILE"
	}
	if p, err := s.profile(); err != nil || p.has() {
		return "AWS profile " + p.name
	}
	for _, name := range []string{relativeVariable, fullVariable} {
		if s.variable(name) != "" {
			return name
		}
	}
	return s.Metadata.Here(ctx, metadata.AWS)
}

// Files are the files that keys may be read from, whether they are there or not.
func (s *Sources) Files() (paths []string) {
	for _, name := range []string{"AWS_WEB_IDENTITY_TOKEN_FILE", tokenFile} {
		if path := s.variable(name); path != "" {
			paths = append(paths, path)
		}
	}
	for _, file := range profileFiles {
		if path := s.profilePath(file); path != "" {
			paths = append(paths, path)
		}
	}
	if p, err := s.profile(); err == nil && p.value("web_identity_token_file") != "" {
		paths = append(paths, s.located(p.value("web_identity_token_file")))
	}
	return paths
}

// Prove finds keys and region and returns the signed request.
//
// Errors that say what to do are an [exitcode.Error]: a source that is named and does
// not work is one, and no other source is tried then. One that wraps [ErrNone] means
// that there is no source.
func (s *Sources) Prove(ctx context.Context) (Proof, error) {
	keys, region, err := s.Find(ctx)
	if err != nil {
		return Proof{}, err
	}
	return Sign(keys, region, s.Now())
}

// Find returns the keys of the first source there is, and the region. The order is that of
// Amazon's SDK for Go: variables, web identity, profile, container, machine.
func (s *Sources) Find(ctx context.Context) (Keys, string, error) {
	p, err := s.profile()
	if err != nil {
		return Keys{}, "", err
	}
	region := cmp.Or(s.variable("AWS_REGION"), s.variable("AWS_DEFAULT_REGION"), p.value("region"))
	keys, err := s.find(ctx, p, region)
	if err != nil {
		return Keys{}, "", err
	}
	if region == "" && keys.From == fromMachine {
		region = s.machineRegion(ctx)
	}
	if region == "" {
		return Keys{}, "", exitcode.Errorf(exitcode.Config, "set AWS_REGION", "AWS: there are keys (%s) and no region", keys.From)
	}
	return keys, region, nil
}

func (s *Sources) find(ctx context.Context, p profile, region string) (Keys, error) {
	if keys, err := s.fromVariables(); err != nil || keys.ID != "" {
		return keys, err
	}
	if file := s.variable("AWS_WEB_IDENTITY_TOKEN_FILE"); file != "" {
		return s.fromWebIdentity(ctx, webIdentity{
			from: "AWS_WEB_IDENTITY_TOKEN_FILE", file: file, region: region,
			role: s.variable("AWS_ROLE_ARN"), session: s.variable("AWS_ROLE_SESSION_NAME"),
		})
	}
	if p.has() {
		return s.fromProfile(ctx, p, region)
	}
	if address, err := s.containerAddress(); err != nil || address != "" {
		if err != nil {
			return Keys{}, err
		}
		return s.fromContainer(ctx, address)
	}
	return s.fromMachine(ctx)
}

// fromVariables returns empty Keys if there are none.
func (s *Sources) fromVariables() (Keys, error) {
	id := cmp.Or(s.variable("AWS_ACCESS_KEY_ID"), s.variable("AWS_ACCESS_KEY"))
	key := cmp.Or(s.variable("AWS_SECRET_ACCESS_KEY"), s.variable("AWS_SECRET_KEY"))
	if (id == "") != (key == "") {
		return Keys{}, exitcode.Errorf(exitcode.Config, "set both", "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set")
	}
	return Keys{ID: id, Secret: secret.NewValue(key), Session: secret.NewValue(s.variable("AWS_SESSION_TOKEN")), From: "AWS_ACCESS_KEY_ID"}, nil
}

func (s *Sources) variable(name string) string {
	text, _ := s.Lookup(name)
	return strings.TrimSpace(text)
}
