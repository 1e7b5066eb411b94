package roundtrip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// answering answers with a body.
type answering func(r *http.Request) (io.Reader, error)

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := a(r)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: 302, Header: http.Header{"Location": {"http://evil.example"}}, Body: io.NopCloser(body)}, nil
}

func ask(ctx context.Context, a answering) (Answer, error) {
	r, err := http.NewRequest(http.MethodGet, "http://169.254.169.254/", nil)
	if err != nil {
		return Answer{}, err
	}
	return Send(ctx, a, r, time.Second)
}

// A redirect is an answer like another.
func TestSend(t *testing.T) {
	calls := 0
	answer, err := ask(context.Background(), func(*http.Request) (io.Reader, error) { calls++; return strings.NewReader("canary"), nil })
	require.NoError(t, err)
	require.Equal(t, 302, answer.Status)
	require.Equal(t, "canary", string(answer.Body))
	require.Equal(t, 1, calls)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %s", answer, answer, answer, answer), "canary")
}

// slow is a body that has something each half second, without end.
type slow struct{ r *http.Request }

func (s slow) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second / 2):
		return copy(p, "x"), nil
	case <-s.r.Context().Done():
		return 0, s.r.Context().Err()
	}
}

func TestSendIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := ask(context.Background(), func(r *http.Request) (io.Reader, error) { return slow{r}, nil })
		require.ErrorIs(t, err, ErrTimeout)

		_, err = ask(context.Background(), func(*http.Request) (io.Reader, error) { return strings.NewReader(strings.Repeat("x", maxBody+1)), nil })
		require.ErrorContains(t, err, "longer than 256 KiB")

		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(gone)
		_, err = ask(ctx, func(r *http.Request) (io.Reader, error) { return nil, r.Context().Err() })
		require.ErrorIs(t, err, gone)
	})
}

func TestStatus(t *testing.T) {
	require.Equal(t, "status 403", Status(403, ""))
	require.Equal(t, "status 403 not yours", Status(403, "not\nyours"))
}

func TestOneLine(t *testing.T) {
	require.Equal(t, "a b  c", OneLine("a\nb\r\tc"))
	require.Equal(t, strings.Repeat("ü", 200)+"…", OneLine(strings.Repeat("ü", 201)))
	require.Equal(t, strings.Repeat("ü", 200), OneLine(strings.Repeat("ü", 200)))
}
