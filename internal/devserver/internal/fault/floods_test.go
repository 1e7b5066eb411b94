package fault

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestManySecretsAreNumbered(t *testing.T) {
	for _, n := range []int{0, 1, 2, 1234} {
		var text bytes.Buffer
		ManySecrets(&text, n)
		var list struct {
			Secrets []struct{ ID, SecretKey, SecretValue string }
		}
		require.NoError(t, json.Unmarshal(text.Bytes(), &list))
		require.Len(t, list.Secrets, n)
		for i, s := range list.Secrets {
			require.Equal(t, fmt.Sprintf("SECRET_%07d", i), s.SecretKey)
			require.Equal(t, fmt.Sprintf("value-%07d", i), s.SecretValue)
			require.Equal(t, fmt.Sprintf("0a1b2c3d-4e5f-4a6b-8c7d-%012d", i), s.ID)
		}
	}
}

// listener is a client that goes away after so many bytes of a body.
type listener struct {
	left int
	body bytes.Buffer
}

func (*listener) Header() http.Header { return http.Header{} }
func (*listener) WriteHeader(int)     {}

func (l *listener) Write(b []byte) (int, error) {
	if l.left -= len(b); l.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return l.body.Write(b)
}

func TestABombIsLargeAndEndsWithItsListener(t *testing.T) {
	l := &listener{left: 100 << 10}
	bomb(`{"secrets":[`, " ")(l, nil)
	in, err := gzip.NewReader(&l.body)
	require.NoError(t, err)
	begin := make([]byte, 64)
	_, err = io.ReadFull(in, begin)
	require.NoError(t, err)
	require.Equal(t, `{"secrets":[`+strings.Repeat(" ", 52), string(begin))
	n, err := io.Copy(io.Discard, in)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Greater(t, n, int64(8<<20), "of 100 KiB")
}
