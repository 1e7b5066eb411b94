package metrics

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"infisicalfs/internal/volume"
)

// ask is the answer of a server to a path.
func ask(t *testing.T, cfg Config, path string) (int, string) {
	t.Helper()
	cfg.Version, cfg.Calls = "1", NewCalls()
	if cfg.Counts == nil {
		cfg.Counts = func() volume.Counts { return volume.Counts{} }
	}
	cfg.Calls.Called("/csi.v1.Node/NodePublishVolume", codes.OK, time.Second)
	w := httptest.NewRecorder()
	New(cfg).http.Handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestHealth(t *testing.T) {
	t.Parallel()
	cfg := Config{Healthy: func(context.Context) error { return errors.New("nobody answers") }, Ready: func() error { return errors.New("not yet") }}
	for path, says := range map[string]string{"/healthz": "nobody answers", "/readyz": "not yet"} {
		code, text := ask(t, cfg, path)
		require.Equal(t, http.StatusServiceUnavailable, code)
		require.Contains(t, text, says)
	}
	cfg = Config{Healthy: func(context.Context) error { return nil }, Ready: func() error { return nil }}
	for _, path := range []string{"/healthz", "/readyz"} {
		code, text := ask(t, cfg, path)
		require.Equal(t, http.StatusOK, code, text)
	}
	code, _ := ask(t, cfg, "/debug/pprof/")
	require.Equal(t, http.StatusNotFound, code)
}

// However many identities there are, and whatever they are called, they cost a bounded number of series, and
// none that the registry refuses.
func TestIdentitiesAreBounded(t *testing.T) {
	t.Parallel()
	var all []volume.IdentityCounts
	for i := range 1000 {
		who := volume.Account{Method: "kubernetes", Identity: fmt.Sprintf("id-%04d", i), Subject: "shop/web"}
		all = append(all, volume.IdentityCounts{Account: who, Volumes: 1})
		who.Audience = "another" // the same labels
		all = append(all, volume.IdentityCounts{Account: who, Volumes: 1, StaleSince: time.Now().Add(-time.Minute)})
	}
	all = append(all, volume.IdentityCounts{Account: volume.Account{Identity: strings.Repeat("\xff\"\n", 1000)}, Volumes: 1})
	code, text := ask(t, Config{Counts: func() volume.Counts { return volume.Counts{Identities: all} }}, "/metrics")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, MaxIdentities+1, strings.Count(text, "\ninfisicalfs_identity_volumes{"))
	require.Contains(t, text, `infisicalfs_identity_volumes{config="",identity="id-0000",method="kubernetes",subject="shop/web"} 2`)
	require.Contains(t, text, fmt.Sprintf(`infisicalfs_identity_volumes{config="",identity="others",method="",subject=""} %d`, 2*(1000-MaxIdentities)+1))
	require.Contains(t, text, `infisicalfs_identity_outage_seconds{config="",identity="id-0000",method="kubernetes",subject="shop/web"} 6`)
}
