package metrics

import (
	"path"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
)

// Calls counts what the kubelet calls. It is the observer of the driver.
type Calls struct {
	took *prometheus.HistogramVec
	kept prometheus.Counter
}

// NewCalls makes one that has counted nothing yet.
func NewCalls() *Calls {
	return &Calls{
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "infisicalfs_csi_call_duration_seconds",
			Help:    "How long calls of the kubelet took, by method and gRPC code.",
			Buckets: []float64{0.01, 0.1, 0.5, 1, 5, 15, 30, 60, 90}, // the kubelet waits for two minutes, the plugin for one and a half
		}, []string{"method", "code"}),
		kept: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "infisicalfs_csi_republish_failures_total",
			Help: "Calls to publish a volume that was mounted which failed and were answered as a success, so that it stays.",
		}),
	}
}

// Called counts a call, by the full name of its method.
func (c *Calls) Called(method string, code codes.Code, took time.Duration) {
	c.took.WithLabelValues(path.Base(method), code.String()).Observe(took.Seconds())
}

// Kept counts a volume that stays mounted although it could not be published again.
func (c *Calls) Kept() { c.kept.Inc() }

// Describe is prometheus.Collector.
func (c *Calls) Describe(to chan<- *prometheus.Desc) {
	c.took.Describe(to)
	c.kept.Describe(to)
}

// Collect is prometheus.Collector.
func (c *Calls) Collect(to chan<- prometheus.Metric) {
	c.took.Collect(to)
	c.kept.Collect(to)
}
