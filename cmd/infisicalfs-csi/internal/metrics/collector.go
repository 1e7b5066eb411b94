package metrics

import (
	"maps"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"infisicalfs/internal/volume"
)

// desc is a metric, by its name without the prefix that all have.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("infisicalfs_"+name, help, labels, nil)
}

// What is told. An identity is told by four labels: see [identityLabels].
var (
	build    = desc("build_info", "Always 1; the labels say what runs.", "version", "goversion")
	volumes  = desc("volumes", "Volumes by state: healthy, stale (mounted, but the server does not answer or nobody can log in), refused (the server does not let the identity see it), failed (wanted, but not mounted), unused.", "state")
	requests = desc("requests_total", "Requests to the server, repetitions included, by what became of them: answered, not_modified, denied, rate_limited, failed, unanswered.", "outcome")
	logins   = desc("logins_total", "Logins, by what became of them: succeeded, refused (the credentials are not accepted), failed (that could not be found out).", "outcome")
	reads    = desc("cache_lookups_total", "Readings of folders, by where the answer came from: fresh (what is known), server, stale (what was known, because the server does not answer).", "answer")
	memory   = desc("cache_bytes", "Memory of what was read and is kept, an estimate.")
	opened   = desc("file_opens_total", "Secrets that were opened.")
	messages = desc("file_reads_total", "Reads of secrets that reached the plugin.")
	failures = desc("file_errors_total", "Operations on files of volumes that failed, by errno. That a name does not exist is no failure.", "errno")
	unsent   = desc("unsent_texts", "Texts that were written to volumes and that the server does not have: they would be lost if the volumes ended now.")

	ofVolumes  = desc("identity_volumes", "Mounted volumes that are read as this identity.", identityLabels...)
	lastAnswer = desc("identity_last_answer_timestamp_seconds", "When the server last answered this identity without a failure or refusal; 0: never. It is not asked while nothing is read or watched.", identityLabels...)
	outage     = desc("identity_outage_seconds", "For how long the server has not answered this identity, or nobody could log in as it; 0: it answers.", identityLabels...)
	tokenEnds  = desc("identity_token_expiry_timestamp_seconds", "When the login of this identity ends unless it is renewed, which happens before; 0: not known.", identityLabels...)
)

// collector tells what volumes count.
type collector struct {
	version string
	counts  func() volume.Counts
}

func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{build, volumes, requests, logins, reads, memory, opened, messages, failures, unsent, ofVolumes, lastAnswer, outage, tokenEnds} {
		to <- d
	}
}

func (c *collector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counter := func(d *prometheus.Desc, value int64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	now := time.Now()
	all := c.counts()
	gauge(build, 1, c.version, runtime.Version())
	for _, state := range volume.States {
		gauge(volumes, float64(all.Volumes[state]), string(state))
	}
	s := all.Server
	counter(requests, s.Answered-s.NotModified, "answered")
	counter(requests, s.NotModified, "not_modified")
	counter(requests, s.Denied, "denied")
	counter(requests, s.Limited, "rate_limited")
	counter(requests, s.Failed, "failed")
	counter(requests, s.Unanswered, "unanswered")
	counter(logins, s.Logins.Succeeded, "succeeded")
	counter(logins, s.Logins.Refused, "refused")
	counter(logins, s.Logins.Failed, "failed")
	counter(reads, s.Hits, "fresh")
	counter(reads, s.Misses, "server")
	counter(reads, s.Stale, "stale")
	gauge(memory, float64(s.CacheBytes))
	counter(opened, int64(all.Files.Opens))
	counter(messages, int64(all.Files.Reads))
	byErrno := map[string]uint64{"EIO": 0, "EACCES": 0, "ETIMEDOUT": 0} // are there from the beginning, for who wants to see them grow
	maps.Copy(byErrno, all.Files.Errors)
	for errno, n := range byErrno {
		counter(failures, int64(n), errno)
	}
	gauge(unsent, float64(all.Files.Unsent))
	for _, who := range identities(all.Identities, now) {
		gauge(ofVolumes, float64(who.volumes), who.labels[:]...)
		gauge(lastAnswer, seconds(who.lastAnswer), who.labels[:]...)
		gauge(outage, who.outage.Seconds(), who.labels[:]...)
		gauge(tokenEnds, seconds(who.tokenEnds), who.labels[:]...)
	}
}

// seconds is a moment as Prometheus has it; the zero time is 0.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
