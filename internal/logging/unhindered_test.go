package logging

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// gate is a writer that takes nothing until it is opened.
type gate struct {
	open chan struct{}
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (g *gate) Write(text []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.Write(text)
}

func (g *gate) lines() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Split(strings.TrimSuffix(g.text.String(), "\n"), "\n")
}

func TestUnhinderedLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		u := &unhindered{out: g}
		began := time.Now()
		for i := range 1500 {
			fmt.Fprintln(u, "line", i)
		}
		require.Equal(t, writeTimeout, time.Since(began), "the first waits for a moment, the others do not")
		close(g.open)
		synctest.Wait()
		lines := g.lines()
		require.Len(t, lines, 1+maxLogLines+1) // the one being written is not in the queue
		for i, line := range lines[:1+maxLogLines] {
			require.Equal(t, fmt.Sprint("line ", i), line)
		}
		require.Contains(t, lines[1+maxLogLines], "lines=499")
		fmt.Fprintln(u, "and on")
		lines = g.lines()
		require.Equal(t, "and on", lines[len(lines)-1], "written before it returns")
	})
}
