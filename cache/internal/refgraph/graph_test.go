package refgraph

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

func learned(secrets ...[2]string) *Graph {
	g := &Graph{}
	for i, s := range secrets {
		g.Learn(&secret.Secret{Name: s[0], ID: fmt.Sprint(i), Version: 1, Value: secret.NewValue(s[1])})
	}
	return g
}

func TestReach(t *testing.T) {
	g := learned([2]string{"URL", "postgres://${USER}@${HOST}"}, [2]string{"USER", "${dev.db.NAME}"}, [2]string{"NAME", "x"},
		[2]string{"LOOP", "${POOL}"}, [2]string{"POOL", "${LOOP}"}, [2]string{"ANY", "${dev.${WHICH}}"})
	reached := g.reach([]uint64{secret.HashName("NAME")})
	for name, want := range map[string]bool{"NAME": true, "USER": true, "URL": true, "ANY": true, "HOST": false, "LOOP": false, "POOL": false} {
		require.Equal(t, want, reached[secret.HashName(name)], name)
	}
	require.True(t, g.reach([]uint64{secret.HashName("POOL")})[secret.HashName("LOOP")])
}

// What is known is bounded, and of a hidden value nothing is.
func TestTextsAreBounded(t *testing.T) {
	g := &Graph{}
	for i := range maxTexts + 10 {
		g.Learn(&secret.Secret{Name: "KEY", ID: fmt.Sprint(i), Version: 1})
		require.LessOrEqual(t, len(g.known), maxTexts)
	}
	require.Len(t, g.known, 10)
	g.Learn(&secret.Secret{Name: "KEY", ID: "hidden", Hidden: true})
	require.Len(t, g.known, 10)
}
