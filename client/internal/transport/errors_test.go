package transport

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
		{404, `{"error":"Not Found","message":"Route GET:/x not found"}`, ErrNoRoute},
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

		// Before October 2024 what is missing was 400, and only the words tell.
		{400, `{"error":"BadRequest","message":"Secret not found"}`, secret.ErrNotFound},
		{400, `{"error":"BadRequest","message":"Secret not found: blind index KEY"}`, secret.ErrNotFound},
		{400, `{"error":"Create secret","message":"Folder not found for the given environment slug & secret path"}`, secret.ErrNotFound},
		{400, `{"error":"BadRequest","message":"Folder not found"}`, secret.ErrNotFound},
		{400, `{"error":"BadRequest","message":"Secret path not found"}`, secret.ErrNotFound},
		{400, `{"error":"get folders","message":"Environment not found"}`, secret.ErrNotFound},
		{400, `{"error":"BadRequest","message":"Project not found during bot lookup."}`, secret.ErrNotFound},
		{400, `{"error":"BadRequest","message":"Tag not found"}`, secret.ErrInvalid},
		{400, `{"error":"BadRequest","message":"Imported environment not found"}`, secret.ErrInvalid},
		{400, `{"error":"BadRequest","message":"Secret already exist"}`, secret.ErrInvalid},
		{400, `{"reqId":"req-1","error":"BadRequest","message":"Secret not found"}`, secret.ErrInvalid}, // a later server means something else
		{409, `{"error":"BadRequest","message":"Secret not found"}`, secret.ErrExists},
		// … and a token that cannot be read was 500, one that is used up 400.
		{500, `{"error":"Internal Server Error","message":"jwt expired"}`, secret.ErrUnauthenticated},
		{500, `{"error":"Internal Server Error","message":"jwt malformed"}`, secret.ErrUnauthenticated},
		{500, `{"error":"Internal Server Error","message":"invalid signature"}`, secret.ErrUnauthenticated},
		{500, `{"error":"Internal Server Error","message":"something else"}`, secret.ErrUnavailable},
		{500, `{"reqId":"req-1","error":"Internal Server Error","message":"jwt expired"}`, secret.ErrUnavailable},
		{400, `{"error":"BadRequest","message":"Unable to renew because access token number of uses limit reached"}`, secret.ErrUnauthenticated},
		{403, `{"error":"Unauthorized access","message":"Token missing"}`, secret.ErrUnauthenticated},
		{403, `{"error":"/api/v1/workspace Unauthorized Access","message":"You are not allowed"}`, secret.ErrDenied},
		{413, `{"code":"FST_ERR_CTP_BODY_TOO_LARGE","error":"Payload Too Large","message":"Request body is too large"}`, secret.ErrTooLarge},

		// The backend in Go.
		{400, `{"reqId":"r","error":"ValidationFailure","message":"Validation failed","fieldErrors":[{"field":"environment","message":"required"}]}`, secret.ErrInvalid},
		{404, `{"reqId":"r","error":"NotFound","message":"Folder not found"}`, secret.ErrNotFound},
		{400, `{"reqId":"r","error":"BadRequestError","message":"x"}`, secret.ErrInvalid},
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
	r := &Response{op: "list secrets", status: 404, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, body: []byte("<!doctype html><p>nothing here")}
	err := newAPIError(r)
	require.ErrorIs(t, err, ErrNoRoute)
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

	err = newAPIError(answer(400, `{"error":"ValidationFailure","message":"Validation failed","fieldErrors":[{"field":"secretPath","message":"must begin with a slash"},{"field":"x","message":"bad"}]}`))
	require.ErrorContains(t, err, "Validation failed: secretPath: must begin with a slash; x: bad")
	err = newAPIError(answer(400, `{"error":"ValidationFailure","message":"Validation failed","fieldErrors":{"an":"object"}}`))
	require.ErrorContains(t, err, "Validation failed")

	err = newAPIError(answer(422, `{"error":"ValidationFailure","message":[{"path":["secretPath"],"message":"Required"},{"path":["x",1],"message":"bad"}]}`))
	require.ErrorContains(t, err, "secretPath: Required; x1: bad")
}

func TestEchoes(t *testing.T) {
	const sent = "obviously fake value"
	for words, want := range map[string]bool{
		"":                                      false,
		"Invalid input":                         false,
		"invalid: obviously fake value!":        true,
		"cannot parse 'usly fake val' (cut off": true,
		"usly fa":                               false, // too short to tell anything
	} {
		require.Equal(t, want, echoesPart(words, sent), words)
	}
	require.False(t, echoesPart("anything", ""))
	require.True(t, echoes("expected a number, got abc", []string{"longer than that", "abc"}))
	require.False(t, echoes("expected a number", []string{"abc"}))
}

// Validators like to say what they stumbled over.
func TestAnErrorDoesNotRepeatWhatWasSent(t *testing.T) {
	const sent = "obviously fake value"
	answer := &Response{op: "update secret", status: http.StatusBadRequest, sent: []string{sent},
		body: []byte(`{"error": "BadRequest", "message": "cannot rotate ` + sent + `", "reqId": "` + sent + `"}`)}
	_, err := answer.Handle()
	require.ErrorContains(t, err, "update secret: the server says 400 BadRequest: "+withheld)
	require.NotContains(t, err.Error(), sent[:revealingLength])
}

// A service token that was deleted is no absence of what was asked for.
func TestADeletedServiceTokenIsNoAbsence(t *testing.T) {
	for _, message := range []string{"Service token not found", "Service token with ID 'x' not found"} {
		err := newAPIError(answer(404, `{"statusCode":404,"error":"NotFound","message":"`+message+`"}`))
		require.ErrorIs(t, err, secret.ErrUnauthenticated)
		require.NotErrorIs(t, err, secret.ErrNotFound)
	}
	require.ErrorIs(t, newAPIError(answer(404, `{"statusCode":404,"error":"NotFound","message":"Secret not found"}`)), secret.ErrNotFound)
}
