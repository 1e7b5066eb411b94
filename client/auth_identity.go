package client

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"infisicalfs/client/internal/transport"
	"infisicalfs/secret"
)

// Method is a way in which a machine identity logs in. Its functions may be called from
// any goroutine, one at a time, and are called again for each login, so that what they
// read from files is followed.
type Method struct {
	Name string // for status and messages: "kubernetes"
	Path string // of the login, between /v1/auth/ and /login: "kubernetes-auth"

	// Proof makes what the identity shows. It has until the end of ctx, which is as
	// long as one operation may take. Its error is told to people, and means that the
	// credentials do not do unless it wraps [secret.ErrUnavailable] or [secret.ErrTimeout].
	Proof func(ctx context.Context) (Proof, error)

	// Inputs returns what a proof is made of, as far as that can be read without asking
	// anybody: the content of files. If it differs from that of the last login, a pause
	// after a refusal is over. Nil: nothing can be replaced.
	Inputs func() ([]byte, error)

	// Remote: somebody else's service, such as a cloud's, makes or judges the proof.
	// What fails there is not tried again at once, and an internal error of the server
	// counts as [ErrUnproven].
	Remote bool
}

// Proof is what a machine identity shows instead of a password.
type Proof struct {
	// Fields are the body of the login, strings or what JSON makes objects of.
	Fields map[string]any
	// Secret names those of the fields that nobody may see; a server's words that
	// repeat a part of one are withheld.
	Secret []string

	// Transport carries the login and nothing else; nil: as all requests. The caller of
	// Proof closes its idle connections afterwards.
	Transport *http.Transport
	// URL is the address for the login, if it is not the server's own: https, the site
	// or its /api.
	URL string
}

// ErrUnproven is an internal error of the server where it should have judged a proof: the
// cloud that it asked refuses, or could not be asked. It wraps [secret.ErrUnauthenticated].
var ErrUnproven = transport.ErrUnproven

// everyServersPath is of the method that no Infisical server lacks.
const everyServersPath = "universal-auth"

// IdentityAuth logs a machine identity in. A field of the body that is empty text is left
// out. Errors are those of [Client.Login]; none has a field of the proof in it.
func IdentityAuth(method Method) Auth { return &identityAuth{how: method} }

type identityAuth struct {
	how  Method
	last [sha256.Size]byte // of the inputs of the last login, zero if they could not be read
}

func (a *identityAuth) Method() string { return a.how.Name }

func (a *identityAuth) login(ctx context.Context, t *transport.Transport) (transport.Token, error) {
	a.last = a.inputs()
	proof, err := a.how.Proof(ctx)
	if err != nil {
		return transport.Token{}, a.unproved(ctx, err)
	}
	r := transport.Request{
		Op: "log in", Path: "/v1/auth/" + a.how.Path + "/login",
		Body: proof.body(), Secrets: proof.secrets(), Address: proof.URL,
	}
	if proof.Transport != nil {
		defer proof.Transport.CloseIdleConnections()
		r.Through = proof.Transport
	}
	token, err := t.Exchange(ctx, r)
	return token, a.meaning(err, r)
}

// unproved is the error of a proof that could not be made.
func (a *identityAuth) unproved(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("log in: %w", cause)
	}
	if errors.Is(err, secret.ErrUnavailable) || errors.Is(err, secret.ErrTimeout) {
		err = fmt.Errorf("log in with %s: %w", a.how.Name, err)
	} else {
		err = fmt.Errorf("log in with %s: %w: %w", a.how.Name, err, secret.ErrUnauthenticated)
	}
	if a.how.Remote {
		return transport.Pausing{Err: err}
	}
	return err
}

// meaning says what a failed login means beyond its status.
func (a *identityAuth) meaning(err error, r transport.Request) error {
	var refusal *transport.APIError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, transport.ErrNoRoute) && a.how.Path != everyServersPath:
		return transport.Pausing{Err: fmt.Errorf("log in: this server does not have the method %s (it has no route for it, if it is an Infisical server): %w", a.how.Name, ErrNoMethod)}
	case errors.As(err, &refusal):
		if a.how.Remote && refusal.Status == http.StatusInternalServerError {
			return transport.Reclassify(refusal, ErrUnproven)
		}
		return err
	case r.Through != nil && transport.RefusedByPeer(err):
		return transport.Pausing{Err: fmt.Errorf("%w (the server does not accept the client certificate): %w", err, secret.ErrUnauthenticated)}
	case r.Through != nil && !transport.NeverLeft(err):
		return transport.Pausing{Err: fmt.Errorf("%w (the client certificate may have been refused)", err)}
	}
	return err
}

func (a *identityAuth) inputs() (sum [sha256.Size]byte) {
	if a.how.Inputs == nil {
		return sum
	}
	text, err := a.how.Inputs()
	if err != nil {
		return sum
	}
	return sha256.Sum256(text)
}

func (a *identityAuth) replaced() bool {
	now := a.inputs()
	return now != [sha256.Size]byte{} && now != a.last
}

func (p Proof) body() map[string]any {
	body := make(map[string]any, len(p.Fields))
	for name, value := range p.Fields {
		if value != "" {
			body[name] = value
		}
	}
	return body
}

// secrets are the texts of the secret fields, of which no part may be repeated.
func (p Proof) secrets() (all []string) {
	for _, name := range p.Secret {
		text, ok := p.Fields[name].(string)
		if !ok {
			encoded, _ := json.Marshal(p.Fields[name]) // what cannot be encoded is not sent either
			text = string(encoded)
		}
		all = append(all, text)
	}
	return all
}
