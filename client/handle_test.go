package client

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

func answer(status int, body string) *response {
	return &response{op: "test", status: status, header: http.Header{"Content-Type": {"application/json"}}, body: []byte(body)}
}

func TestHandleTakesTheFirstExpectedKey(t *testing.T) {
	var approval, item struct{ ID string }
	key, err := answer(200, `{"secret":{"id":"s"},"approval":{"id":"a"}}`).handle(model{"approval", &approval}, model{"secret", &item})
	require.NoError(t, err)
	require.Equal(t, "approval", key)
	require.Equal(t, "a", approval.ID)
	require.Empty(t, item.ID)

	key, err = answer(200, `{"secret":{"id":"s"}}`).handle(model{"approval", &approval}, model{"secret", &item})
	require.NoError(t, err)
	require.Equal(t, "secret", key)
	require.Equal(t, "s", item.ID)
}

func TestHandleEmptyKeyTakesTheWholeBody(t *testing.T) {
	var project wireProject
	key, err := answer(200, `{"id":"1","slug":"demo"}`).handle(model{"project", &project}, model{"", &project})
	require.NoError(t, err)
	require.Empty(t, key)
	require.Equal(t, "demo", project.Slug)
}

func TestHandleNamesTheKeysItMissed(t *testing.T) {
	var x any
	_, err := answer(200, `{"other":1}`).handle(model{"approval", &x}, model{"secret", &x})
	require.ErrorContains(t, err, "approval, secret")
	require.ErrorIs(t, err, secret.ErrUnavailable)
}

func TestHandleNamesTheFieldThatHasAnotherShape(t *testing.T) {
	var list struct {
		Secrets []wireSecret `json:"secrets"`
	}
	_, err := answer(200, `{"secrets":[{"secretKey":"A","version":"one"}]}`).handle(model{"", &list})
	require.ErrorContains(t, err, "secrets.version")
	require.ErrorContains(t, err, "is a string")
	require.ErrorIs(t, err, secret.ErrUnavailable)

	_, err = answer(200, `{"secrets":[{"secretKey":"A","createdAt":"yesterday"}]}`).handle(model{"secrets", &list.Secrets})
	require.ErrorContains(t, err, `under "secrets"`)
	require.NotContains(t, err.Error(), "yesterday")

	for _, body := range []string{`null`, ` null `} {
		_, err = answer(200, body).handle(model{"", &list})
		require.ErrorContains(t, err, "is empty")
		require.NotContains(t, err.Error(), "()")
	}
	_, err = answer(200, `["a list"]`).handle(model{"", &list})
	require.ErrorContains(t, err, "is an array")
	require.NotContains(t, err.Error(), `""`)
}

func TestHandleWithoutModelsChecksThatItIsJSON(t *testing.T) {
	_, err := answer(200, `{"anything":true}`).handle()
	require.NoError(t, err)
	_, err = answer(200, `<html>`).handle()
	require.ErrorIs(t, err, secret.ErrUnavailable)
}

func TestHandleNeverQuotesTheBody(t *testing.T) {
	const fake = "fake-value-that-must-not-show"
	var target struct{ N int }
	for _, body := range []string{`{"secret":{"n":"` + fake + `"}}`, `{"secret":"` + fake + `"}`, fake, `{"secret":` + fake} {
		_, err := answer(200, body).handle(model{"secret", &target})
		require.Error(t, err)
		require.NotContains(t, err.Error(), fake)
	}
}
