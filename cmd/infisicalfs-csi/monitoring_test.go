package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	dto "github.com/prometheus/client_model/go"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// kustomized is what kustomize makes of the manifests with a component, by kind and name.
func kustomized(t *testing.T, component string) map[string]any {
	t.Helper()
	here, err := filepath.Abs(manifests)
	require.NoError(t, err)
	dir := t.TempDir()
	here, err = filepath.Rel(dir, here)
	require.NoError(t, err)
	text := "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - " + here + "\ncomponents:\n  - " + here + "/metrics/" + component + "\n"
	require.NoError(t, os.WriteFile(dir+"/kustomization.yaml", []byte(text), 0o600))
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	require.NoError(t, err)
	list := map[string]any{}
	for _, object := range made.Resources() {
		text, err := object.AsYAML()
		require.NoError(t, err)
		list[object.GetKind()+" "+object.GetName()] = decode(t, text)
	}
	return list
}

// found wants the plugin to listen where Prometheus is told to look, and the kubelet, too.
func found(t *testing.T, set *apps.DaemonSet) core.Container {
	t.Helper()
	container := set.Spec.Template.Spec.Containers[0]
	var o options
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.addFlags(flags)
	require.NoError(t, flags.Parse(container.Args))
	require.Len(t, container.Ports, 1)
	require.Equal(t, "metrics", container.Ports[0].Name)
	require.Equal(t, ":"+strconv.Itoa(int(container.Ports[0].ContainerPort)), o.metrics)
	require.Equal(t, "metrics", container.ReadinessProbe.HTTPGet.Port.String())
	require.Equal(t, "/readyz", container.ReadinessProbe.HTTPGet.Path)
	return container
}

// selected wants the monitor to find the DaemonSet's pods.
func selected(t *testing.T, monitor *monitoring.PodMonitor, set *apps.DaemonSet) {
	t.Helper()
	require.Equal(t, set.Namespace, monitor.Namespace)
	for key, value := range monitor.Spec.Selector.MatchLabels {
		require.Equal(t, value, set.Spec.Template.Labels[key])
	}
	require.Len(t, monitor.Spec.PodMetricsEndpoints, 1)
	require.Equal(t, "metrics", *monitor.Spec.PodMetricsEndpoints[0].Port)
	require.Equal(t, "/metrics", monitor.Spec.PodMetricsEndpoints[0].Path)
}

func TestKustomizedMetrics(t *testing.T) {
	t.Parallel()
	list := kustomized(t, "pod-monitor")
	set := list["DaemonSet infisicalfs-csi"].(*apps.DaemonSet)
	found(t, set)
	selected(t, list["PodMonitor infisicalfs-csi"].(*monitoring.PodMonitor), set)
	require.Contains(t, list, "PrometheusRule infisicalfs-csi")
	require.Contains(t, list, "CSIDriver csi.infisicalfs")

	list = kustomized(t, "annotations")
	set = list["DaemonSet infisicalfs-csi"].(*apps.DaemonSet)
	found(t, set)
	require.Equal(t, map[string]string{"prometheus.io/scrape": "true", "prometheus.io/port": "9809", "prometheus.io/path": "/metrics"}, set.Spec.Template.Annotations)
	require.NotContains(t, list, "PodMonitor infisicalfs-csi")
}

func TestChartMetrics(t *testing.T) {
	t.Parallel()
	plain := rendered(t, "v1.37.2", map[string]any{"metrics": map[string]any{"podMonitor": map[string]any{"enabled": true}}})
	require.NotContains(t, plain, "podmonitor.yaml", "nobody listens")
	require.Empty(t, plain["daemonset.yaml"].(*apps.DaemonSet).Spec.Template.Spec.Containers[0].Ports)

	monitored := func(enabled bool) map[string]any {
		return map[string]any{"enabled": enabled, "labels": map[string]any{"release": "prometheus"}, "interval": "30s"}
	}
	list := rendered(t, "v1.37.2", map[string]any{
		"metrics":        map[string]any{"enabled": true, "port": 9999, "annotations": true, "podMonitor": monitored(true)},
		"podAnnotations": map[string]any{"a": "b"},
	})
	set, monitor := list["daemonset.yaml"].(*apps.DaemonSet), list["podmonitor.yaml"].(*monitoring.PodMonitor)
	require.EqualValues(t, 9999, found(t, set).Ports[0].ContainerPort)
	require.Equal(t, map[string]string{"a": "b", "prometheus.io/scrape": "true", "prometheus.io/port": "9999", "prometheus.io/path": "/metrics"}, set.Spec.Template.Annotations)
	selected(t, monitor, set)
	require.Equal(t, "prometheus", monitor.Labels["release"])
	require.EqualValues(t, "30s", monitor.Spec.PodMetricsEndpoints[0].Interval)

	list = rendered(t, "v1.37.2", map[string]any{"metrics": map[string]any{"enabled": true, "podMonitor": monitored(false)}})
	require.NotContains(t, list, "podmonitor.yaml")
	require.Empty(t, list["daemonset.yaml"].(*apps.DaemonSet).Spec.Template.Annotations)
	require.Equal(t, kustomized(t, "pod-monitor")["DaemonSet infisicalfs-csi"].(*apps.DaemonSet).Spec.Template.Spec.Containers[0].Ports, found(t, list["daemonset.yaml"].(*apps.DaemonSet)).Ports)
	for _, bad := range []map[string]any{{"port": "http"}, {"enabled": "yes"}, {"podMonitor": map[string]any{"interval": "often"}}, {"alerts": true}} {
		_, err := render(t, "v1.37.2", map[string]any{"metrics": bad})
		require.Error(t, err, "%v", bad)
	}
}

// documented wants the page and the rules to speak of metrics that there are, and the page of all of ours.
func documented(t *testing.T, families map[string]*dto.MetricFamily) {
	t.Helper()
	page, err := os.ReadFile("../../docs/KUBERNETES.md")
	require.NoError(t, err)
	named := map[string]bool{}
	for _, name := range regexp.MustCompile(`infisicalfs_[a-z_]+`).FindAllString(string(page), -1) {
		require.Contains(t, families, name, "the page")
		named[name] = true
	}
	for name := range families {
		require.True(t, named[name] || !strings.HasPrefix(name, "infisicalfs_"), "the page does not name %s", name)
	}
	rules := objects(t, "metrics/pod-monitor/alerts.yaml")[0].(*monitoring.PrometheusRule).Spec.Groups[0].Rules
	require.GreaterOrEqual(t, len(rules), 3)
	for _, rule := range rules {
		require.Contains(t, string(page), "`"+rule.Alert+"`")
		expr, err := metricsql.Parse(rule.Expr.String())
		require.NoError(t, err, rule.Alert)
		asked := 0
		metricsql.VisitAll(expr, func(e metricsql.Expr) {
			one, ok := e.(*metricsql.MetricExpr)
			if !ok {
				return
			}
			asked++
			filters := one.LabelFilterss[0]
			name := strings.TrimSuffix(filters[0].Value, "_count")
			if name == "up" {
				return // Prometheus' own
			}
			require.Contains(t, families, name, rule.Alert)
			for _, filter := range filters[1:] {
				var labels []string
				for _, label := range families[name].GetMetric()[0].GetLabel() {
					labels = append(labels, label.GetName())
				}
				require.Contains(t, labels, filter.Label, rule.Alert)
			}
		})
		require.Positive(t, asked, rule.Alert)
	}
}
