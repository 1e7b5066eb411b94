package cache

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

func TestReferencesInATextAreFound(t *testing.T) {
	dev := hashOf("dev")
	for text, want := range map[string][]reference{
		"":                                    nil,
		"plain":                               nil,
		"$KEY {KEY} $ {KEY} ${":               nil,
		"${KEY":                               nil,
		"${KEY}":                              {{hashOf("KEY"), 0}},
		"a${ KEY }b${OTHER}":                  {{hashOf("KEY"), 0}, {hashOf("OTHER"), 0}},
		"${dev.KEY}${dev.a.b.KEY}":            {{hashOf("KEY"), dev}, {hashOf("KEY"), dev}},
		"$${KEY}}":                            {{hashOf("KEY"), 0}},
		"${@other-project.dev.a.KEY}":         {{hashOf("KEY"), 0}},
		"${}":                                 {{hashOf(""), 0}},
		strings.Repeat("x", 5000) + "${ÄÖ}\n": {{hashOf("ÄÖ"), 0}},
	} {
		refs, dynamic := references(secret.NewValue(text))
		require.Equal(t, want, refs, "%q", text)
		require.False(t, dynamic, "%q", text)
	}
	for _, text := range []string{"${dev.common.${dev.common.VENDOR}.API_KEY}", `${dev.a.NAME\.WITH\.DOTS}`} {
		_, dynamic := references(secret.NewValue(text))
		require.True(t, dynamic, "%q", text)
	}
}

func learned(secrets ...[2]string) *texts {
	t := &texts{}
	for i, s := range secrets {
		t.learn(&secret.Secret{Name: s[0], ID: fmt.Sprint(i), Version: 1, Value: secret.NewValue(s[1])})
	}
	return t
}

func TestReach(t *testing.T) {
	texts := learned([2]string{"URL", "postgres://${USER}@${HOST}"}, [2]string{"USER", "${dev.db.NAME}"}, [2]string{"NAME", "x"},
		[2]string{"LOOP", "${POOL}"}, [2]string{"POOL", "${LOOP}"}, [2]string{"ANY", "${dev.${WHICH}}"})
	reached := texts.reach([]uint64{hashOf("NAME")})
	for name, want := range map[string]bool{"NAME": true, "USER": true, "URL": true, "ANY": true, "HOST": false, "LOOP": false, "POOL": false} {
		require.Equal(t, want, reached[hashOf(name)], name)
	}
	require.True(t, texts.reach([]uint64{hashOf("POOL")})[hashOf("LOOP")])
}

// What is known is bounded, and of a hidden value nothing is.
func TestTextsAreBounded(t *testing.T) {
	texts := &texts{}
	for i := range maxTexts + 10 {
		texts.learn(&secret.Secret{Name: "KEY", ID: fmt.Sprint(i), Version: 1})
		require.LessOrEqual(t, len(texts.known), maxTexts)
	}
	require.Len(t, texts.known, 10)
	texts.learn(&secret.Secret{Name: "KEY", ID: "hidden", Hidden: true})
	require.Len(t, texts.known, 10)
}
