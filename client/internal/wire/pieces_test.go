package wire

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/client/internal/jsonstream"
)

// Whatever a list's length is, it is what was added, and no more room is taken.
func TestPiecesAreOneList(t *testing.T) {
	for _, n := range []int{0, 1, 2, firstPiece, firstPiece + 1, 3 * firstPiece, 3*firstPiece + 1, longestPiece - 1, longestPiece, longestPiece + 1, 3*longestPiece + 7} {
		var p pieces
		for i := range n {
			p.next().Version = i
		}
		list := p.join()
		require.Len(t, list, n)
		for i := range list {
			require.Equal(t, i, list[i].Version)
		}
		if n > firstPiece {
			require.LessOrEqual(t, cap(list), n+n/8+1)
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
// process large for as long as nobody collects it. Nor does a secret cost an allocation,
// whatever it has.
func TestALongListLeavesLittleBehind(t *testing.T) {
	const n = 10_000
	plain := manySecrets(n)
	full := strings.NewReplacer(`"secretComment":""`, `"secretComment":"a comment"`,
		`"tags":[]`, `"tags":[{"id":"1","slug":"prod","name":"Prod","color":"#fff"},{"id":"2","slug":"old"}]`,
		`"secretMetadata":[]`, `"secretMetadata":[{"key":"owner","value":"somebody"}]`).Replace(plain)
	imported := `{"secrets":[],"imports":[{"environment":"dev","secretPath":"/a",` + strings.TrimPrefix(strings.TrimSuffix(plain, `,"imports":[]}`), "{") + `}]}`
	for _, c := range []struct {
		name, text  string
		bytes, most uint64 // of each, and allocations of all
	}{
		{"what comes with the first", plain, 500, 300},
		{"plain", plain, 500, 105},
		{"comments, tags and metadata", full, 620, 140},
		{"imports", imported, 500, 105},
	} {
		memory := jsonstream.NewMemory(64<<20, 1<<30)
		s, h := jsonstream.New(strings.NewReader(c.text), memory.MaxRead()), memory.Reserve(t.Context())
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := ReadSecrets(s, h, Options{Values: true, MaxEntries: n})
		runtime.ReadMemStats(&after)
		require.NoError(t, s.Err(), c.name)
		h.End(false)
		each, count := (after.TotalAlloc-before.TotalAlloc)/uint64(got.Count), after.Mallocs-before.Mallocs
		t.Logf("%s: %d bytes for each secret, %d allocations", c.name, each, count)
		require.Less(t, each, c.bytes+c.bytes/2, c.name) // the race detector has something of its own
		require.LessOrEqual(t, count, c.most, c.name)
	}
}

func BenchmarkReadSecrets(b *testing.B) {
	text := manySecrets(10_000)
	memory := jsonstream.NewMemory(64<<20, 1<<30)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s, h := jsonstream.New(strings.NewReader(text), memory.MaxRead()), memory.Reserve(b.Context())
		ReadSecrets(s, h, Options{Values: true, MaxEntries: 10_000})
		h.End(false)
	}
}
