package secret_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

func TestReferencesInATextAreFound(t *testing.T) {
	dev := secret.HashName("dev")
	for text, want := range map[string][]secret.Reference{
		"":                                    nil,
		"plain":                               nil,
		"$KEY {KEY} $ {KEY} ${":               nil,
		"${KEY":                               nil,
		"${KEY}":                              {{secret.HashName("KEY"), 0}},
		"a${ KEY }b${OTHER}":                  {{secret.HashName("KEY"), 0}, {secret.HashName("OTHER"), 0}},
		"${dev.KEY}${dev.a.b.KEY}":            {{secret.HashName("KEY"), dev}, {secret.HashName("KEY"), dev}},
		"$${KEY}}":                            {{secret.HashName("KEY"), 0}},
		"${@other-project.dev.a.KEY}":         {{secret.HashName("KEY"), 0}},
		"${}":                                 {{secret.HashName(""), 0}},
		strings.Repeat("x", 5000) + "${ÄÖ}\n": {{secret.HashName("ÄÖ"), 0}},
	} {
		refs, dynamic := secret.NewValue(text).References()
		require.Equal(t, want, refs, "%q", text)
		require.False(t, dynamic, "%q", text)
	}
	for _, text := range []string{"${dev.common.${dev.common.VENDOR}.API_KEY}", `${dev.a.NAME\.WITH\.DOTS}`} {
		_, dynamic := secret.NewValue(text).References()
		require.True(t, dynamic, "%q", text)
	}
}
