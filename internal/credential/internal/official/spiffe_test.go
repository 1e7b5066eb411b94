package official

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"infisicalfs/internal/credential/internal/spiffe"
	"infisicalfs/internal/exitcode"
)

// agent is an agent as the official modules would serve one.
type agent struct {
	workload.UnimplementedSpiffeWorkloadAPIServer
	fails    codes.Code
	audience []string
}

func (a *agent) FetchJWTSVID(ctx context.Context, r *workload.JWTSVIDRequest) (*workload.JWTSVIDResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if values := md.Get("workload.spiffe.io"); len(values) != 1 || values[0] != "true" {
		return nil, status.Error(codes.InvalidArgument, "security header missing from request")
	}
	if a.fails != codes.OK {
		return nil, status.Error(a.fails, "no identity issued: ü % 1")
	}
	a.audience = r.Audience
	list := []*workload.JWTSVID{
		{SpiffeId: "spiffe://example.org/one", Svid: "one." + strings.Repeat("x", 5000) + ".c", Hint: "first"},
		{SpiffeId: "spiffe://example.org/two", Svid: "two.b.c"},
	}
	if r.SpiffeId != "" {
		list = list[1:]
	}
	return &workload.JWTSVIDResponse{Svids: list}, nil
}

func serve(t *testing.T, a *agent) string {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	server := grpc.NewServer()
	workload.RegisterSpiffeWorkloadAPIServer(server, a)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return "unix://" + path
}

func TestSPIFFE(t *testing.T) {
	a := &agent{}
	audience := strings.Repeat("a", 300)
	token, err := spiffe.Fetch(t.Context(), spiffe.Request{Socket: serve(t, a), Audience: audience})
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(token.Reveal(), "one."))
	require.Equal(t, []string{audience}, a.audience)

	token, err = spiffe.Fetch(t.Context(), spiffe.Request{Socket: serve(t, a), Audience: "infisical", ID: "spiffe://example.org/two"})
	require.NoError(t, err)
	require.Equal(t, "two.b.c", token.Reveal())
}

func TestSPIFFERefusals(t *testing.T) {
	for code, exit := range map[codes.Code]int{
		codes.PermissionDenied: exitcode.Login, codes.Unavailable: exitcode.Unreachable, codes.InvalidArgument: exitcode.Login,
	} {
		_, err := spiffe.Fetch(t.Context(), spiffe.Request{Socket: serve(t, &agent{fails: code}), Audience: "infisical"})
		require.ErrorContains(t, err, "no identity issued: ü % 1")
		var coded *exitcode.Error
		require.True(t, errors.As(err, &coded))
		require.Equal(t, exit, coded.Code)
	}
}
