package client

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// The statuses moved between server versions, so the body's "error" decides;
// each row was seen on a server or stands in its source.
func TestKindOfRefusal(t *testing.T) {
	for _, row := range []struct {
		status int
		body   string
		want   error
	}{
		{403, `{"error":"TokenError","message":"Your token has expired"}`, secret.ErrUnauthenticated},
		{401, `{"error":"UnauthorizedError","message":"Token missing"}`, secret.ErrUnauthenticated},
		{403, `{"error":"UnauthorizedError"}`, secret.ErrUnauthenticated}, // mid-2024
		{403, `{"error":"PermissionDenied"}`, secret.ErrDenied},
		{401, `{"error":"PermissionDenied"}`, secret.ErrDenied}, // mid-2024
		{403, `{"error":"ForbiddenError"}`, secret.ErrDenied},
		{403, `{"error":"Identity is not a member of the specified project"}`, secret.ErrDenied},
		{401, `{"error":"ValidationFailure","message":[{"path":["a"],"message":"Required"}]}`, secret.ErrInvalid}, // 2024
		{422, `{"error":"ValidationFailure","message":[]}`, secret.ErrInvalid},
		{404, `{"error":"NotFound"}`, secret.ErrNotFound},
		{404, `{"error":"SecretPathNotFound"}`, secret.ErrNotFound},
		{404, `{"error":"Not Found","message":"Route GET:/x not found"}`, errNoRoute},
		{400, `{"error":"BadRequest"}`, secret.ErrInvalid},
		{413, `{"error":"x"}`, secret.ErrTooLarge},
		{429, `{"error":"RateLimitExceeded"}`, secret.ErrRateLimited},
		{500, `{"error":"InternalServerError"}`, secret.ErrUnavailable},
		{503, `{}`, secret.ErrUnavailable},
		{401, `{}`, secret.ErrUnauthenticated},
		{403, `{}`, secret.ErrDenied},
		{302, `{}`, secret.ErrUnavailable},
		{404, `{"message":"no Route matched with those values"}`, secret.ErrUnavailable}, // a gateway's
		{410, `{}`, secret.ErrUnavailable},
		{407, `{"message":"x"}`, secret.ErrUnavailable},
		{408, `{}`, secret.ErrUnavailable},
	} {
		err := newAPIError(answer(row.status, row.body))
		require.ErrorIs(t, err, row.want, "%d %s", row.status, row.body)
		if row.want != secret.ErrNotFound {
			require.NotErrorIs(t, err, secret.ErrNotFound, "%d %s", row.status, row.body)
		}
	}
}

func TestOldServersHideTheRateLimitBehind500(t *testing.T) {
	r := answer(500, `{"error":"InternalServerError"}`)
	require.NotErrorIs(t, newAPIError(r), secret.ErrRateLimited)
	r.header.Set("Retry-After", "12")
	r.header.Set("X-Ratelimit-Remaining", "0")
	require.ErrorIs(t, newAPIError(r), secret.ErrRateLimited)
}

func TestHTMLIsNoAnswerAndNoAbsence(t *testing.T) {
	r := &response{op: "list secrets", status: 404, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, body: []byte("<!doctype html><p>nothing here")}
	err := newAPIError(r)
	require.ErrorIs(t, err, errNoRoute)
	require.ErrorIs(t, err, secret.ErrUnavailable)
	require.NotErrorIs(t, err, secret.ErrNotFound)
	require.NotContains(t, err.Error(), "nothing here")
}

func TestMessageIsOneShortLine(t *testing.T) {
	err := newAPIError(answer(400, `{"error":"BadRequest","reqId":"req-1","message":"two\nlines\u001b[31m\u202e\u2028 `+strings.Repeat("x", 1000)+`"}`))
	require.NotContains(t, err.Error(), "\n")
	require.NotContains(t, err.Error(), "\x1b")
	require.NotContains(t, err.Error(), "\u202e")
	require.NotContains(t, err.Error(), "\u2028")
	require.Less(t, len(err.Error()), 500)
	require.Contains(t, err.Error(), "request req-1")

	err = newAPIError(answer(422, `{"error":"ValidationFailure","message":[{"path":["secretPath"],"message":"Required"},{"path":["x",1],"message":"bad"}]}`))
	require.ErrorContains(t, err, "secretPath: Required; x1: bad")
}
