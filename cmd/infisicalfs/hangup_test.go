package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a hangup means does not depend on a terminal that may have gone meanwhile.
func TestWhatAHangupMeans(t *testing.T) {
	done := make(chan struct{})
	defer close(done)
	for _, c := range []struct {
		before           string
		terminal, behind bool
		want             string
	}{
		{hangupEnds, true, false, hangupEnds},
		{hangupEnds, true, true, hangupReloads}, // it has left its terminal
		{hangupEnds, false, false, hangupReloads},
		{hangupIgnored, true, false, hangupIgnored},
		{hangupIgnored, false, true, hangupIgnored},
	} {
		h := &hangups{terminal: c.terminal}
		h.meaning.Store(c.before)
		h.serving(done, c.behind, func() {})
		require.Equal(t, c.want, h.status(), "%+v", c)
	}
}
