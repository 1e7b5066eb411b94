package main

import (
	"bytes"
	"maps"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/chart/common"
	chartutil "helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
)

// render is the chart's objects by the names of their templates, for a version of Kubernetes, as Helm makes them.
func render(t *testing.T, version string, values map[string]any) (map[string]any, error) {
	t.Helper()
	chart, err := loader.Load(manifests + "/chart")
	require.NoError(t, err)
	require.NoError(t, chart.Validate())
	kube, err := common.ParseKubeVersion(version)
	require.NoError(t, err)
	capabilities := common.DefaultCapabilities.Copy()
	capabilities.KubeVersion = *kube
	release := common.ReleaseOptions{Name: "secrets", Namespace: "infisicalfs", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, values, release, capabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Engine{Strict: true}.RenderWithContext(t.Context(), chart, all)
	if err != nil {
		return nil, err
	}
	list := map[string]any{}
	for name, text := range files {
		if path.Ext(name) == ".yaml" && len(bytes.TrimSpace([]byte(text))) > 0 {
			list[path.Base(name)] = decode(t, []byte(text))
		}
	}
	return list, nil
}

func rendered(t *testing.T, version string, values map[string]any) map[string]any {
	t.Helper()
	list, err := render(t, version, values)
	require.NoError(t, err)
	return list
}

// Without values the chart is what kustomize makes, in both versions.
func TestChart(t *testing.T) {
	for version, driver := range map[string]string{"v1.34.9": "before-1.35/csidriver.yaml", "v1.35.0": "csidriver.yaml", "v1.37.2-gke.1": "csidriver.yaml"} {
		list := rendered(t, version, map[string]any{"image": map[string]any{"tag": "latest"}})
		require.Equal(t, []string{"csidriver.yaml", "daemonset.yaml", "keeper.yaml", "serviceaccount.yaml"}, slices.Sorted(maps.Keys(list)))
		require.Equal(t, objects(t, driver)[0], list["csidriver.yaml"])
		account, set := objects(t, "base/serviceaccount.yaml")[0].(*core.ServiceAccount), objects(t, "base/daemonset.yaml")[0].(*apps.DaemonSet)
		kept := objects(t, "base/keeper.yaml")[0].(*apps.DaemonSet)
		account.Namespace, set.Namespace, kept.Namespace = "infisicalfs", "infisicalfs", "infisicalfs" // the kustomization's
		require.Equal(t, kept, list["keeper.yaml"])
		require.Equal(t, account, list["serviceaccount.yaml"])
		require.Equal(t, set, list["daemonset.yaml"])
	}
}

// Each value reaches what it is for, and the program takes its flags.
func TestChartValues(t *testing.T) {
	list := rendered(t, "v1.37.2", map[string]any{
		"image":            map[string]any{"repository": "registry.example.com/csi", "tag": "7", "pullPolicy": "IfNotPresent"},
		"imagePullSecrets": []any{map[string]any{"name": "pull"}},
		"url":              "https://infisical.example.com", "identityId": "7f3c1a52-0000-0000-0000-000000000000",
		"extraArgs":         []any{"--ca-cert=/ca/ca.crt", "--watch-interval=30s"},
		"extraVolumes":      []any{map[string]any{"name": "ca", "configMap": map[string]any{"name": "ca"}}},
		"extraVolumeMounts": []any{map[string]any{"name": "ca", "mountPath": "/ca"}},
		"driverName":        "secrets.example.com", "kubeletDir": "/data/kubelet", "audiences": []any{"", "infisical"}, "tokensInSecrets": false,
		"updateStrategy": map[string]any{"type": "RollingUpdate"}, "priorityClassName": "", "nodeSelector": map[string]any{"pool": "a"},
		"tolerations": []any{}, "affinity": map[string]any{"nodeAffinity": map[string]any{}},
		"resources": map[string]any{"limits": map[string]any{"memory": "1Gi"}}, "podAnnotations": map[string]any{"a": "b"}, "podLabels": map[string]any{"c": "d"},
	})
	driver := list["csidriver.yaml"].(*storage.CSIDriver)
	require.Equal(t, "secrets.example.com", driver.Name)
	require.Equal(t, []storage.TokenRequest{{Audience: ""}, {Audience: "infisical"}}, driver.Spec.TokenRequests)
	require.Nil(t, driver.Spec.ServiceAccountTokenInSecrets)
	set := list["daemonset.yaml"].(*apps.DaemonSet)
	require.Equal(t, apps.RollingUpdateDaemonSetStrategyType, set.Spec.UpdateStrategy.Type)
	template := set.Spec.Template
	require.Equal(t, map[string]string{"c": "d", "app.kubernetes.io/name": "infisicalfs-csi"}, template.Labels)
	require.Equal(t, map[string]string{"a": "b"}, template.Annotations)
	pod := template.Spec
	require.Equal(t, []core.LocalObjectReference{{Name: "pull"}}, pod.ImagePullSecrets)
	require.Empty(t, pod.PriorityClassName)
	require.Empty(t, pod.Tolerations)
	require.Equal(t, "a", pod.NodeSelector["pool"])
	require.NotNil(t, pod.Affinity.NodeAffinity)
	container := pod.Containers[0]
	require.Equal(t, "registry.example.com/csi:7", container.Image)
	require.Equal(t, core.PullIfNotPresent, container.ImagePullPolicy)
	require.Equal(t, "1Gi", container.Resources.Limits.Memory().String())
	var o options
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.addFlags(flags)
	require.NoError(t, flags.Parse(container.Args))
	require.Equal(t, []string{"secrets.example.com", "/data/kubelet/plugins/secrets.example.com/csi.sock"}, []string{o.driver, o.kubeletEndpoint})
	require.Equal(t, "7f3c1a52-0000-0000-0000-000000000000", o.server.Who.IdentityID)
	inside := map[string]string{}
	for _, m := range container.VolumeMounts {
		inside[m.Name] = m.MountPath
	}
	require.Equal(t, map[string]string{"plugin": "/csi", "registration": "/registration", "pods": "/data/kubelet/pods", "fuse": "/dev/fuse", "run": "/run", "ca": "/ca"}, inside)
	for _, v := range pod.Volumes {
		require.Contains(t, inside, v.Name)
		if v.HostPath != nil && v.Name != "fuse" {
			require.True(t, strings.HasPrefix(v.HostPath.Path, "/data/kubelet/"), v.HostPath.Path)
		}
	}
	kept := list["keeper.yaml"].(*apps.DaemonSet).Spec.Template.Spec
	require.Equal(t, "registry.example.com/csi:7", kept.Containers[0].Image)
	require.Equal(t, "/data/kubelet/plugins/secrets.example.com/keeper", kept.Volumes[0].HostPath.Path)
	require.Equal(t, "a", kept.NodeSelector["pool"])
	without := rendered(t, "v1.37.2", map[string]any{"keeper": false})
	require.NotContains(t, without, "keeper.yaml")
	require.NotContains(t, strings.Join(without["daemonset.yaml"].(*apps.DaemonSet).Spec.Template.Spec.Containers[0].Args, " "), "--keeper")
	plain := rendered(t, "v1.37.2", nil)["daemonset.yaml"].(*apps.DaemonSet)
	require.Equal(t, "infisicalfs-csi:"+version, plain.Spec.Template.Spec.Containers[0].Image)
}

// What the chart cannot mean is refused by Helm, and not by the node later.
func TestChartRefuses(t *testing.T) {
	for _, values := range []map[string]any{
		{"ulr": "https://infisical.example.com"}, {"url": "infisical.example.com"}, {"url": ""}, {"audiences": []any{}}, {"driverName": "Not a name"},
		{"image": map[string]any{"name": "x"}}, {"kubeletDir": "kubelet"}, {"extraArgs": []any{"debug"}}, {"tokensInSecrets": "yes"},
	} {
		_, err := render(t, "v1.37.2", values)
		require.Error(t, err, "%v", values)
	}
}

// Helm and Kubernetes' client are for tests: neither is in the program.
func TestProgramIsSmall(t *testing.T) {
	list, err := exec.Command("go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	require.Contains(t, string(list), "google.golang.org/grpc\n")
	for _, other := range []string{"helm.sh/", "k8s.io/client-go", "k8s.io/api/", "sigs.k8s.io/", "csi-test", "testify"} {
		require.NotContains(t, string(list), "\n"+other, "%s is linked into the program", other)
	}
}
