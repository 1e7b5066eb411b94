package reaper

import (
	"encoding/binary"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	opRead    = 15
	opRelease = 18
	opCreate  = 35
)

func TestVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		opcode          uint32
		own, told, hard bool
		want            syscall.Errno
	}{
		"its own":                              {opcode: opCreate, own: true, want: syscall.EINTR},
		"its own lookup":                       {opcode: opLookup, own: true, want: syscall.EINTR},
		"its own when nothing else helps":      {opcode: opRead, own: true, hard: true, want: syscall.EINTR},
		"a lookup":                             {opcode: opLookup, want: syscall.ESTALE},
		"a lookup that was asked again":        {opcode: opLookup, told: true},
		"a read":                               {opcode: opRead},
		"a read when nothing else helps":       {opcode: opRead, hard: true, want: syscall.EIO},
		"a lookup when nothing else helps":     {opcode: opLookup, told: true, hard: true, want: syscall.EIO},
		"a lookup, first, but nothing helps":   {opcode: opLookup, hard: true, want: syscall.EIO},
		"an end":                               {opcode: opRelease},
		"something forgotten":                  {opcode: opForget, hard: true},
		"several things forgotten":             {opcode: opBatchForget, own: true, hard: true},
		"an interruption, which has no answer": {opcode: opInterrupt, own: true, hard: true},
	} {
		require.Equal(t, c.want, verdict(request{opcode: c.opcode}, c.own, c.told, c.hard), name)
	}
}

func TestRequestsAndAnswers(t *testing.T) {
	const unique, pid = 1<<63 | 77, 4711 // asked again
	message := binary.NativeEndian.AppendUint32(nil, headLen+5)
	message = binary.NativeEndian.AppendUint32(message, opLookup)
	message = binary.NativeEndian.AppendUint64(message, unique)
	message = binary.NativeEndian.AppendUint64(message, 1) // node
	message = append(message, make([]byte, 8)...)          // uid, gid
	message = binary.NativeEndian.AppendUint32(message, pid)
	message = append(message, make([]byte, 4)...)
	r, ok := parse(append(message, "NAME\x00"...))
	require.True(t, ok)
	require.Equal(t, request{opLookup, unique, pid}, r)
	_, ok = parse(message[:headLen-1])
	require.False(t, ok)

	answer := r.answer(syscall.ESTALE)
	require.Len(t, answer, 16)
	require.EqualValues(t, 16, binary.NativeEndian.Uint32(answer))
	require.EqualValues(t, -int32(syscall.ESTALE), int32(binary.NativeEndian.Uint32(answer[4:])))
	require.EqualValues(t, uint64(unique), binary.NativeEndian.Uint64(answer[8:]))
}
