package transport

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

func answer(status int, body string) *Response {
	return &Response{op: "test", status: status, header: http.Header{"Content-Type": {"application/json"}}, body: []byte(body)}
}

// item is a shape to decode into.
type item struct {
	Key       string    `json:"secretKey"`
	Version   int       `json:"version"`
	CreatedAt time.Time `json:"createdAt"`
}

func TestHandleTakesTheFirstExpectedKey(t *testing.T) {
	var approval, one struct{ ID string }
	key, err := answer(200, `{"secret":{"id":"s"},"approval":{"id":"a"}}`).Handle(Under("approval", &approval), Under("secret", &one))
	require.NoError(t, err)
	require.Equal(t, "approval", key)
	require.Equal(t, "a", approval.ID)
	require.Empty(t, one.ID)

	key, err = answer(200, `{"secret":{"id":"s"}}`).Handle(Under("approval", &approval), Under("secret", &one))
	require.NoError(t, err)
	require.Equal(t, "secret", key)
	require.Equal(t, "s", one.ID)
}

func TestHandleEmptyKeyTakesTheWholeBody(t *testing.T) {
	var project struct{ ID, Slug string }
	key, err := answer(200, `{"id":"1","slug":"demo"}`).Handle(Under("project", &project), Whole(&project))
	require.NoError(t, err)
	require.Empty(t, key)
	require.Equal(t, "demo", project.Slug)
}

func TestHandleNamesTheKeysItMissed(t *testing.T) {
	var x any
	_, err := answer(200, `{"other":1}`).Handle(Under("approval", &x), Under("secret", &x))
	require.ErrorContains(t, err, "approval, secret")
	require.ErrorIs(t, err, secret.ErrUnavailable)
}

func TestHandleNamesTheFieldThatHasAnotherShape(t *testing.T) {
	var list struct {
		Secrets []item `json:"secrets"`
	}
	_, err := answer(200, `{"secrets":[{"secretKey":"A","version":"one"}]}`).Handle(Whole(&list))
	require.ErrorContains(t, err, "secrets.version")
	require.ErrorContains(t, err, "is a string")
	require.ErrorIs(t, err, secret.ErrUnavailable)

	_, err = answer(200, `{"secrets":[{"secretKey":"A","createdAt":"yesterday"}]}`).Handle(Under("secrets", &list.Secrets))
	require.ErrorContains(t, err, `under "secrets"`)
	require.NotContains(t, err.Error(), "yesterday")

	for _, body := range []string{`null`, ` null `} {
		_, err = answer(200, body).Handle(Whole(&list))
		require.ErrorContains(t, err, "is empty")
		require.NotContains(t, err.Error(), "()")
	}
	_, err = answer(200, `["a list"]`).Handle(Whole(&list))
	require.ErrorContains(t, err, "is an array")
	require.NotContains(t, err.Error(), `""`)
}

func TestHandleWithoutShapesChecksThatItIsJSON(t *testing.T) {
	_, err := answer(200, `{"anything":true}`).Handle()
	require.NoError(t, err)
	_, err = answer(200, `<html>`).Handle()
	require.ErrorIs(t, err, secret.ErrUnavailable)
}

func TestHandleNeverQuotesTheBody(t *testing.T) {
	const fake = "fake-value-that-must-not-show"
	var target struct{ N int }
	for _, body := range []string{`{"secret":{"n":"` + fake + `"}}`, `{"secret":"` + fake + `"}`, fake, `{"secret":` + fake} {
		_, err := answer(200, body).Handle(Under("secret", &target))
		require.Error(t, err)
		require.NotContains(t, err.Error(), fake)
	}
}
