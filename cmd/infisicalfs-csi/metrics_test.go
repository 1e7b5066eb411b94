package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"infisicalfs/internal/devserver"
)

// monitor is who asks a plugin how it does.
type monitor struct {
	*machine
	url  string
	text string // of the last answer
}

// monitored starts the plugin with --metrics.
func monitored(t *testing.T) *monitor {
	t.Helper()
	m := newMachine(t)
	log, err := os.Create(m.dir + "/log")
	require.NoError(t, err)
	t.Cleanup(func() {
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("the plugin has said:\n%s", text)
		}
		log.Close()
	})
	m.stderr = log
	m.start("--metrics=127.0.0.1:0", "--debug")
	text, err := os.ReadFile(log.Name())
	require.NoError(t, err)
	found := regexp.MustCompile(`metrics are told.*address=(\S+)`).FindSubmatch(text)
	require.NotNil(t, found, "%s", text)
	return &monitor{machine: m, url: "http://" + string(found[1])}
}

// get is the answer to a path, and its status code.
func (m *monitor) get(path string) (int, string) {
	m.Helper()
	ctx, cancel := context.WithTimeout(m.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url+path, nil)
	require.NoError(m, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(m, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(m, err)
	return answer.StatusCode, string(text)
}

// scrape asks for all metrics, as Prometheus does.
func (m *monitor) scrape() map[string]*dto.MetricFamily {
	m.Helper()
	code, text := m.get("/metrics")
	require.Equal(m, http.StatusOK, code, text)
	m.text = text
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	require.NoError(m, err)
	return families
}

// value is that of the metric with these labels (NAME=VALUE), of a histogram how often there was something; -1 if there is none.
func value(families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	for _, metric := range families["infisicalfs_"+name].GetMetric() {
		has := map[string]bool{}
		for _, label := range metric.GetLabel() {
			has[label.GetName()+"="+label.GetValue()] = true
		}
		all := true
		for _, label := range labels {
			all = all && has[label]
		}
		if all {
			return metric.GetGauge().GetValue() + metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return -1
}

// becomes waits until a metric is as wanted.
func (m *monitor) becomes(wanted func(float64) bool, name string, labels ...string) {
	m.Helper()
	last := -1.0
	require.Eventually(m, func() bool {
		last = value(m.scrape(), name, labels...)
		return wanted(last)
	}, 30*time.Second, 50*time.Millisecond, "%s %v\n%s", name, labels, m.text)
}

func above(least float64) func(float64) bool { return func(v float64) bool { return v > least } }
func is(wanted float64) func(float64) bool   { return func(v float64) bool { return v == wanted } }

// Whoever watches over the node sees what goes wrong, by what is there at the beginning, and no number that counts ever falls.
func TestMetrics(t *testing.T) {
	m := monitored(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		code, text := m.get(path)
		require.Equal(t, http.StatusOK, code, text)
	}
	begin := m.scrape()
	require.EqualValues(t, 1, value(begin, "build_info", "version="+version))
	for _, state := range []string{"healthy", "stale", "refused", "failed"} {
		require.Zero(t, value(begin, "volumes", "state="+state), state)
	}
	require.Zero(t, value(begin, "file_errors_total", "errno=EIO"))

	who := m.Credentials("admin")
	demo := map[string]string{"project": "demo", "env": "dev"}
	a, b := m.volume("a", demo), m.volume("b", demo)
	b.Secrets["clientId"], b.Secrets["clientSecret"] = who.ClientID, who.ClientSecret
	m.publish(a)
	m.publish(b)
	for _, r := range []*csi.NodePublishVolumeRequest{a, b} {
		m.reads(r.TargetPath+"/GREETING", "hello, world")
	}
	thief := m.volume("thief", demo)
	thief.Secrets["clientId"], thief.Secrets["clientSecret"] = who.ClientID, "guessed-canary"
	_, err := m.NodePublishVolume(t.Context(), thief)
	require.Equal(t, codes.PermissionDenied, status.Code(err), "%v", err)
	again := m.volume("a", map[string]string{"project": "demo", "env": "dev", "colour": "red"})
	m.publish(again) // stays as it is

	good := m.scrape()
	require.EqualValues(t, 2, value(good, "volumes", "state=healthy"))
	require.EqualValues(t, 3, value(good, "csi_call_duration_seconds", "method=NodePublishVolume", "code=OK"))
	require.EqualValues(t, 1, value(good, "csi_call_duration_seconds", "method=NodePublishVolume", "code=PermissionDenied"))
	require.EqualValues(t, 1, value(good, "csi_republish_failures_total"))
	require.EqualValues(t, 3, value(good, "logins_total", "outcome=succeeded"), "a client secret is tried before anybody sees what it opens")
	require.EqualValues(t, 1, value(good, "logins_total", "outcome=refused"))
	require.Positive(t, value(good, "requests_total", "outcome=answered"))
	require.Positive(t, value(good, "cache_bytes"))
	require.Positive(t, value(good, "cache_lookups_total", "answer=server"))
	require.GreaterOrEqual(t, value(good, "file_opens_total"), 2.0)
	pod := []string{"method=kubernetes", "identity=" + who.IdentityID, "subject=shop/shop", "config="}
	require.EqualValues(t, 1, value(good, "identity_volumes", pod...))
	require.EqualValues(t, 1, value(good, "identity_volumes", "method=universal", "subject=shop"))
	require.Zero(t, value(good, "identity_outage_seconds", pod...))
	require.InDelta(t, float64(time.Now().Unix()), value(good, "identity_last_answer_timestamp_seconds", pod...), 120)
	require.Greater(t, value(good, "identity_token_expiry_timestamp_seconds", pod...), float64(time.Now().Unix()))
	m.keepsQuiet(a, b, thief)
	documented(t, good)

	back := m.Inject(devserver.Fault{Status: http.StatusServiceUnavailable})
	m.becomes(above(0), "identity_outage_seconds", pod...)
	m.becomes(above(0), "requests_total", "outcome=failed")
	m.becomes(is(2), "volumes", "state=stale")
	_, err = os.ReadFile(a.TargetPath + "/NO_SUCH_NAME_CANARY")
	require.ErrorIs(t, err, syscall.EIO, "an outage is no absence")
	m.becomes(above(0), "file_errors_total", "errno=EIO")
	m.keepsQuiet(a, b, thief)
	back()
	m.becomes(is(2), "volumes", "state=healthy")
	m.becomes(is(0), "identity_outage_seconds", pod...)

	before := m.scrape()
	for _, r := range []*csi.NodePublishVolumeRequest{a, b} {
		_, err := m.NodeUnpublishVolume(t.Context(), &csi.NodeUnpublishVolumeRequest{VolumeId: r.VolumeId, TargetPath: r.TargetPath})
		require.NoError(t, err)
	}
	m.becomes(is(-1), "identity_volumes", pod...)
	fallsNot(t, before, m.scrape())
	require.Zero(t, value(m.scrape(), "volumes", "state=healthy"))
	require.NoError(t, m.end(syscall.SIGTERM))
	log, err := os.ReadFile(m.stderr.Name())
	require.NoError(t, err)
	require.NotContains(t, string(log), "gathering", "the registry refuses something")
}

// fallsNot wants each counter to be at least what it was.
func fallsNot(t *testing.T, before, after map[string]*dto.MetricFamily) {
	t.Helper()
	for name, family := range before {
		if family.GetType() != dto.MetricType_COUNTER || !strings.HasPrefix(name, "infisicalfs_") {
			continue
		}
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetName()+"="+label.GetValue())
			}
			short := strings.TrimPrefix(name, "infisicalfs_")
			require.GreaterOrEqual(t, value(after, short, labels...), value(before, short, labels...), "%s %v", name, labels)
		}
	}
}

// keepsQuiet holds what is told against all that nobody is to know, and against the customs of Prometheus.
func (m *monitor) keepsQuiet(published ...*csi.NodePublishVolumeRequest) {
	m.Helper()
	who := m.Credentials("admin")
	words := []string{"hello, world", "GREETING", "CANARY", "guessed-canary", who.ClientID, who.ClientSecret, m.dir, "demo"}
	for _, r := range published {
		words = append(words, r.VolumeId)
		for _, text := range regexp.MustCompile(`eyJ[\w.-]+`).FindAllString(fmt.Sprint(r.Secrets), -1) {
			words = append(words, strings.Split(text, ".")...)
		}
	}
	for _, word := range words {
		require.NotContains(m, m.text, word)
	}
	problems, err := promlint.New(bytes.NewBufferString(m.text)).Lint()
	require.NoError(m, err)
	require.Empty(m, problems)
}

// An address that cannot be had is said at the start.
func TestMetricsAddress(t *testing.T) {
	m := newMachine(t)
	m.stderr = nil
	log, err := os.Create(m.dir + "/log")
	require.NoError(t, err)
	defer log.Close()
	m.stderr = log
	require.Error(t, m.program(m.flags("--metrics=300.0.0.1:1")...).Run())
	text, err := os.ReadFile(log.Name())
	require.NoError(t, err)
	require.Contains(t, string(text), "listening at --metrics")
}
