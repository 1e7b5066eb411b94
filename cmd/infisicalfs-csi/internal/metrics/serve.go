package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"infisicalfs/internal/volume"
)

// Config says what is told. All but Log is required.
type Config struct {
	Version string               // of the program
	Counts  func() volume.Counts // asks no server
	Calls   *Calls
	Healthy func(context.Context) error // whether calls are answered
	Ready   func() error                // whether the kubelet knows the driver
	Log     *slog.Logger                // nil: nothing is logged
}

// Server answers GET of three paths, for everybody who can reach it: /metrics, /healthz and /readyz.
type Server struct{ http http.Server }

// New makes a server.
func New(cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	log := slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug)
	all := prometheus.NewRegistry()
	all.MustRegister(&collector{cfg.Version, cfg.Counts}, cfg.Calls, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(all, promhttp.HandlerOpts{
		ErrorLog: log, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: answerWithin,
	}))
	mux.HandleFunc("GET /healthz", answer(cfg.Healthy))
	mux.HandleFunc("GET /readyz", answer(func(context.Context) error { return cfg.Ready() }))
	return &Server{http.Server{
		Handler: mux, ErrorLog: log, MaxHeaderBytes: 16 << 10,
		ReadTimeout: answerWithin, WriteTimeout: 2 * answerWithin, IdleTimeout: 2 * time.Minute,
	}}
}

// answerWithin bounds an answer: Prometheus waits for ten seconds if it is told nothing else.
const answerWithin = 10 * time.Second

// Serve answers until Close. The listener is closed then.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends all at once.
func (s *Server) Close() error { return s.http.Close() }

// answer says whether all is well, and why not.
func answer(check func(context.Context) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
		defer cancel()
		if err := check(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	}
}
