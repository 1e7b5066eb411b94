package transport

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEchoes(t *testing.T) {
	const sent = "obviously fake value"
	for words, want := range map[string]bool{
		"":                                      false,
		"Invalid input":                         false,
		"invalid: obviously fake value!":        true,
		"cannot parse 'usly fake val' (cut off": true,
		"usly fa":                               false, // too short to tell anything
	} {
		require.Equal(t, want, echoes(words, sent), words)
	}
	require.False(t, echoes("anything", ""))
	require.True(t, echoes("expected a number, got abc", "abc"))
	require.False(t, echoes("expected a number", "abc"))
}

// Validators like to say what they stumbled over.
func TestAnErrorDoesNotRepeatWhatWasSent(t *testing.T) {
	const sent = "obviously fake value"
	answer := &Response{op: "update secret", status: http.StatusBadRequest, sent: sent,
		body: []byte(`{"error": "BadRequest", "message": "cannot rotate ` + sent + `", "reqId": "` + sent + `"}`)}
	_, err := answer.Handle()
	require.ErrorContains(t, err, "update secret: the server says 400 BadRequest: "+withheld)
	require.NotContains(t, err.Error(), sent[:revealingLength])
}
