package compat

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// gotenv, and so viper, cannot read a long line: it says so.
func TestLongLinesOfGotenv(t *testing.T) {
	w := newUglyWorld(t)
	for _, r := range goRows {
		if r.byItself != "" && r.use[0] == ".env" {
			for _, name := range []string{"KIB64", "KIB128"} {
				require.ErrorContains(t, r.read(t, []string{w.alone(name, ".env")})[0].err, "token too long", r.name)
			}
		}
	}
}
