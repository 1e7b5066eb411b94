package wire

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// Whatever a list's length is, it is what was added, and no more room is taken.
func TestPiecesAreOneList(t *testing.T) {
	for _, n := range []int{0, 1, 2, pieceLength - 1, pieceLength, pieceLength + 1, 2 * pieceLength, 3*pieceLength + 7} {
		var p pieces
		for i := range n {
			p.add(secret.Secret{Version: i})
		}
		list := p.join()
		require.Len(t, list, n)
		for i := range list {
			require.Equal(t, i, list[i].Version)
		}
		if n > 2*pieceLength {
			require.Less(t, cap(list), n+n/8)
		}
	}
}

// manySecrets is an answer as servers send it.
func manySecrets(n int) string {
	var b strings.Builder
	b.WriteString(`{"secrets":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"00000000-0000-4000-8000-%012d","version":%d,"type":"shared","secretKey":"KEY_%06d","secretValue":"fake-%d",`+
			`"secretValueHidden":false,"secretPath":"/","secretComment":"","tags":[],"secretMetadata":[],"isRotatedSecret":false,"skipMultilineEncoding":null,`+
			`"createdAt":"2026-01-02T03:04:05.678Z","updatedAt":"2026-01-02T03:04:05.678Z"}`, i, i%9+1, i, i)
	}
	b.WriteString(`],"imports":[]}`)
	return b.String()
}

// What is read of a long list is what remains, and little more: garbage makes the
// process large for as long as nobody collects it.
func TestALongListLeavesLittleBehind(t *testing.T) {
	const n = 10_000
	text := manySecrets(n)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := list(text, Options{Values: true}, n)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Len(t, got.Own[""], n)
	each := float64(after.TotalAlloc-before.TotalAlloc) / n
	count := float64(after.Mallocs-before.Mallocs) / n
	t.Logf("%.0f bytes and %.1f allocations for each secret", each, count)
	require.Less(t, each, 900.0) // the race detector has something of its own
	require.Less(t, count, 6.5)
}
