package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	storage "k8s.io/api/storage/v1"
	"sigs.k8s.io/yaml"
)

const manifests = "../../deploy/kubernetes"

// kustomization is what there is of kustomize's own files here.
type kustomization struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Namespace  string   `json:"namespace,omitempty"`
	Resources  []string `json:"resources,omitempty"`
	Components []string `json:"components,omitempty"`
	Patches    []struct {
		Target struct{ Kind, Name string } `json:"target"`
		Patch  string                      `json:"patch"`
	} `json:"patches,omitempty"`
}

// decode takes an object in as the API server does, which refuses a field that it does not know.
func decode(t *testing.T, text []byte) any {
	t.Helper()
	var head struct{ Kind, APIVersion string }
	require.NoError(t, yaml.Unmarshal(text, &head))
	kinds := map[string]any{
		"Namespace v1": new(core.Namespace), "ServiceAccount v1": new(core.ServiceAccount), "Secret v1": new(core.Secret), "Pod v1": new(core.Pod),
		"PersistentVolume v1": new(core.PersistentVolume), "PersistentVolumeClaim v1": new(core.PersistentVolumeClaim),
		"DaemonSet apps/v1": new(apps.DaemonSet), "CSIDriver storage.k8s.io/v1": new(storage.CSIDriver),
		"ClusterRoleBinding rbac.authorization.k8s.io/v1": new(rbac.ClusterRoleBinding),
		"Kustomization kustomize.config.k8s.io/v1beta1":   new(kustomization),
		"Component kustomize.config.k8s.io/v1alpha1":      new(kustomization),
		"PodMonitor monitoring.coreos.com/v1":             new(monitoring.PodMonitor),
		"PrometheusRule monitoring.coreos.com/v1":         new(monitoring.PrometheusRule),
	}
	object := kinds[head.Kind+" "+head.APIVersion]
	require.NotNil(t, object, "what is a %s %s?", head.Kind, head.APIVersion)
	require.NoError(t, yaml.UnmarshalStrict(text, object))
	return object
}

// objects are those of a file.
func objects(t *testing.T, file string) (list []any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(manifests, file))
	require.NoError(t, err)
	for _, one := range bytes.Split(text, []byte("\n---\n")) {
		list = append(list, decode(t, one))
	}
	return list
}

// Every file is one that Kubernetes takes, and belongs to something.
func TestManifests(t *testing.T) {
	var files []string
	require.NoError(t, filepath.WalkDir(manifests, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "chart" { // of templates: see TestChart
			return filepath.SkipDir
		}
		if err == nil && !d.IsDir() {
			path, err = filepath.Rel(manifests, path)
			files = append(files, path)
		}
		return err
	}))
	belongs := map[string]bool{}
	for _, file := range files {
		for _, object := range objects(t, file) {
			k, ok := object.(*kustomization)
			if !ok {
				continue
			}
			belongs[file] = true
			for _, resource := range append(k.Resources, k.Components...) {
				resource = filepath.Join(filepath.Dir(file), resource)
				_, err := os.Stat(filepath.Join(manifests, resource))
				require.NoError(t, err, "%s names it", file)
				belongs[resource] = true
			}
		}
	}
	for _, file := range files {
		require.True(t, belongs[file] || strings.HasPrefix(file, "examples/"), "%s is in no kustomization", file)
	}
	before, since := objects(t, "before-1.35/csidriver.yaml")[0].(*storage.CSIDriver), objects(t, "csidriver.yaml")[0].(*storage.CSIDriver)
	require.Nil(t, before.Spec.ServiceAccountTokenInSecrets, "an older server refuses a field that it does not know")
	require.True(t, *since.Spec.ServiceAccountTokenInSecrets)
	since.Spec.ServiceAccountTokenInSecrets = nil
	require.Equal(t, before, since)
}

// The DaemonSet starts the program with flags that there are, and its directories are those that the program
// and the kubelet look for.
func TestDaemonSet(t *testing.T) {
	pod := objects(t, "base/daemonset.yaml")[0].(*apps.DaemonSet).Spec.Template.Spec
	driver := objects(t, "csidriver.yaml")[0].(*storage.CSIDriver)
	container := pod.Containers[0]
	var o options
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.addFlags(flags)
	require.NoError(t, flags.Parse(container.Args))
	require.Equal(t, driver.Name, o.driver)
	require.Equal(t, "$(NODE_NAME)", o.nodeID)
	require.Equal(t, "NODE_NAME", container.Env[0].Name)
	require.NoError(t, flags.Parse(container.LivenessProbe.Exec.Command[1:]))
	require.True(t, o.probe)

	host := map[string]string{}
	for _, v := range pod.Volumes {
		if v.HostPath != nil {
			host[v.Name] = v.HostPath.Path
		}
	}
	inside := map[string]core.VolumeMount{}
	for _, m := range container.VolumeMounts {
		inside[host[m.Name]] = m
	}
	require.Equal(t, "/csi", inside["/var/lib/kubelet/plugins/"+o.driver].MountPath)
	require.Equal(t, o.stateDir, inside["/var/lib/kubelet/plugins/"+o.driver].MountPath)
	require.Equal(t, "unix:///csi/csi.sock", o.endpoint)
	require.Equal(t, o.registrationDir, inside["/var/lib/kubelet/plugins_registry"].MountPath)
	pods := inside["/var/lib/kubelet/pods"]
	require.Equal(t, "/var/lib/kubelet/pods", pods.MountPath, "the kubelet's paths are the plugin's")
	require.Equal(t, core.MountPropagationBidirectional, *pods.MountPropagation)
	require.True(t, *container.SecurityContext.Privileged)

	// The keeper's socket is where the plugin looks for it, and it may do nothing else.
	kept := objects(t, "base/keeper.yaml")[0].(*apps.DaemonSet).Spec
	require.Equal(t, apps.OnDeleteDaemonSetStrategyType, kept.UpdateStrategy.Type)
	keeper := kept.Template.Spec.Containers[0]
	require.Equal(t, container.Image, keeper.Image)
	require.Equal(t, []string{container.LivenessProbe.Exec.Command[0], "keep"}, keeper.Command)
	var k keepOptions
	flags = pflag.NewFlagSet("", pflag.ContinueOnError)
	k.addFlags(flags)
	require.NoError(t, flags.Parse(keeper.Args))
	require.Equal(t, filepath.Dir(k.socket), keeper.VolumeMounts[0].MountPath)
	require.Equal(t, host["plugin"]+"/keeper", kept.Template.Spec.Volumes[0].HostPath.Path)
	require.Equal(t, inside[host["plugin"]].MountPath+"/keeper/"+filepath.Base(k.socket), o.keeper)
	require.Len(t, kept.Template.Spec.Volumes, 1)
	require.Equal(t, []core.Capability{"ALL"}, keeper.SecurityContext.Capabilities.Drop)
	require.Nil(t, keeper.SecurityContext.Privileged)
}

// Each example's volume can be had, of a server that has what it names.
func TestExamples(t *testing.T) {
	m := newMachine(t)
	m.start()
	files, err := filepath.Glob(manifests + "/examples/*.yaml")
	require.NoError(t, err)
	driver := objects(t, "csidriver.yaml")[0].(*storage.CSIDriver).Name
	who := m.Credentials("admin")
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			var attributes, secrets map[string]string
			group := ""
			for _, object := range objects(t, "examples/"+filepath.Base(file)) {
				switch o := object.(type) {
				case *core.Pod:
					require.Equal(t, "shop", o.Spec.ServiceAccountName)
					if inline := o.Spec.Volumes[0].CSI; inline != nil {
						require.Equal(t, driver, inline.Driver)
						attributes = maps.Clone(inline.VolumeAttributes)
					}
					if c := o.Spec.SecurityContext; c != nil {
						group = "2000"
						require.EqualValues(t, 2000, *c.FSGroup)
					}
				case *core.PersistentVolume:
					require.Equal(t, driver, o.Spec.CSI.Driver)
					attributes = maps.Clone(o.Spec.CSI.VolumeAttributes)
				case *core.Secret:
					require.Equal(t, []string{"clientId", "clientSecret"}, slices.Sorted(maps.Keys(o.StringData)))
					secrets = map[string]string{"clientId": who.ClientID, "clientSecret": who.ClientSecret}
				}
			}
			require.Equal(t, []string{"shop", "prod"}, []string{attributes["project"], attributes["env"]})
			attributes["project"], attributes["env"] = "demo", "dev"
			if _, ok := attributes["identity-id"]; ok {
				attributes["identity-id"] = who.IdentityID
			}
			r := m.volume(name, attributes)
			maps.Copy(r.Secrets, secrets)
			r.VolumeCapability.GetMount().VolumeMountGroup = group
			m.publish(r)
			m.reads(r.TargetPath+"/GREETING", "hello, world")
			_, err := m.NodeUnpublishVolume(t.Context(), &csi.NodeUnpublishVolumeRequest{VolumeId: r.VolumeId, TargetPath: r.TargetPath})
			require.NoError(t, err)
		})
	}
	require.NoError(t, m.end(syscall.SIGTERM))
}
