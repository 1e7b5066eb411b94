package mount

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlainJSONMeansTheSame(t *testing.T) {
	for _, name := range []string{"plain", "größer 😀", "gpj\u202egolatac", "a\u200b\u2066b\u0085\U000e0001", "\x7f\x1b[31m"} {
		text, err := json.MarshalIndent(map[string]string{"name": name}, "", "  ")
		require.NoError(t, err)
		plain := PlainJSON(text)
		var back map[string]string
		require.NoError(t, json.Unmarshal(plain, &back))
		require.Equal(t, name, back["name"])
		for _, r := range string(plain) {
			require.NotContains(t, "\u202e\u200b\u2066\u0085\U000e0001\x7f\x1b", string(r))
		}
	}
}
