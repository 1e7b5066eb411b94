package client

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAMoveKeepsWhatIsOutsideOfReferences(t *testing.T) {
	for _, same := range [][2]string{
		{"${A}", "${dev.app.A}"},
		{"x${A}y${dev.B}z", "x${dev.A}y${B}z"},
		{"${dev.${A}.KEY}", "${dev.${staging.A}.KEY}"},
		{"plain", "plain"},
	} {
		require.Equal(t, withoutReferences(same[0]), withoutReferences(same[1]))
	}
	for _, other := range [][2]string{{"${A}", "a"}, {"x${A}", "y${A}"}, {"${A}${B}", "${A}"}, {"${A", "${B"}, {"", "${A}"}} {
		require.NotEqual(t, withoutReferences(other[0]), withoutReferences(other[1]), other)
	}
}
