package client_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// proven is a world in which an identity logs in with JWTs out of a variable of the test.
type proven struct {
	world
	client *client.Client
	jwt    string // what the next login shows
	asked  int    // how often a proof was made
	fails  error  // of the next proof
}

func newProven(t *testing.T, remote bool) *proven {
	p := &proven{world: newWorld(t, devserver.Config{}, "viewer", nil)}
	p.edit(t, func(e *devserver.Editor) error { return e.SetLogin("viewer", devserver.Login{Method: "jwt-auth"}) })
	p.jwt = p.IssueJWT(map[string]any{"sub": "canary-subject"})
	id := p.Credentials("viewer").IdentityID
	p.client = join(t, p.Server, "viewer", func(cfg *client.Config) {
		cfg.Auth = client.IdentityAuth(client.Method{
			Name: "jwt-auth", Path: "jwt-auth", Remote: remote,
			Proof: func(context.Context) (client.Proof, error) {
				p.asked++
				return client.Proof{Fields: map[string]any{"identityId": id, "jwt": p.jwt}, Secret: []string{"jwt"}}, p.fails
			},
			Inputs: func() ([]byte, error) { return []byte(p.jwt), nil },
		})
	})
	p.ResetRequests()
	return p
}

func isLogin(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/login") }

func TestARefusedProofIsNotShownAgainUntilItIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProven(t, false)
		good := p.jwt
		p.jwt = "hunter2hunter2.hunter2.hunter2"
		for range 10 {
			err := p.client.Login(t.Context())
			require.ErrorIs(t, err, secret.ErrUnauthenticated)
			require.NotContains(t, err.Error(), "hunter2")
		}
		require.Equal(t, 1, p.count("login"))
		p.jwt = good
		require.NoError(t, p.client.Login(t.Context()), "another proof is shown at once")
		require.Equal(t, 2, p.count("login"))
	})
}

// A cloud that refuses makes an internal error of the server, which may also be an
// outage: it is waited after, and a token that still works is kept.
func TestAProofThatTheServerCannotHaveConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProven(t, true)
		p.edit(t, func(e *devserver.Editor) error {
			return e.SetToken("viewer", devserver.TokenConfig{TTL: time.Hour, MaxTTL: time.Hour})
		})
		require.NoError(t, p.client.Login(t.Context()))
		p.Inject(devserver.Fault{Match: isLogin, Status: 500, Body: `{"statusCode":500,"error":"InternalServerError","message":"Something went wrong"}`})
		time.Sleep(56 * time.Minute) // due to be replaced
		for range 10 {
			_, err := p.client.Fetch(t.Context(), dev, nil)
			require.NoError(t, err)
		}
		require.Equal(t, 2, p.count("login"))
		time.Sleep(5 * time.Minute) // past its end
		for range 10 {
			_, err := p.client.Fetch(t.Context(), dev, nil)
			require.ErrorIs(t, err, client.ErrUnproven)
			require.ErrorIs(t, err, secret.ErrUnauthenticated)
		}
		require.LessOrEqual(t, p.count("login"), 3)
	})
}

// Whoever makes proofs is not asked for one again and again.
func TestAProofThatCannotBeMade(t *testing.T) {
	for _, c := range []struct {
		fails error
		want  error
	}{
		{errors.New("no role"), secret.ErrUnauthenticated},
		{secret.ErrUnavailable, secret.ErrUnavailable},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newProven(t, true)
			p.fails = c.fails
			for range 10 {
				require.ErrorIs(t, p.client.Login(t.Context()), c.want)
			}
			require.Equal(t, 1, p.asked)
			require.Zero(t, p.count("login"))
			time.Sleep(31 * time.Second)
			p.fails = nil
			require.NoError(t, p.client.Login(t.Context()))
		})
	}
}

func TestAMethodThatTheServerLacks(t *testing.T) {
	s, err := devserver.New(devserver.Config{Profile: devserver.July2024})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	c := join(t, s, "viewer", func(cfg *client.Config) {
		cfg.Auth = client.IdentityAuth(client.Method{Name: "spiffe-auth", Path: "spiffe-auth", Proof: func(context.Context) (client.Proof, error) {
			return client.Proof{Fields: map[string]any{"identityId": "x", "jwt": "x"}}, nil
		}})
	})
	for range 3 {
		err = c.Login(t.Context())
		require.ErrorIs(t, err, secret.ErrUnauthenticated)
		require.ErrorContains(t, err, "does not have the method spiffe-auth")
	}
	require.Len(t, s.Requests(), 1)
}

// Who is locked out waits as long as the server does.
func TestALockedOutIdentityWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProven(t, false)
		p.Inject(devserver.Fault{Match: isLogin, Status: 401, Body: `{"error":"UnauthorizedError","message":"This identity auth method is temporarily locked, please try again later"}`})
		require.ErrorIs(t, p.client.Login(t.Context()), secret.ErrUnauthenticated)
		time.Sleep(299 * time.Second)
		require.ErrorContains(t, p.client.Login(t.Context()), "temporarily locked")
		require.Equal(t, 1, p.count("login"))
		time.Sleep(2 * time.Second)
		require.Error(t, p.client.Login(t.Context()))
		require.Equal(t, 2, p.count("login"))
	})
}
