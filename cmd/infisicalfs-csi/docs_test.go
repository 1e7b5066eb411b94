package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	words "infisicalfs/internal/options"
)

// The page names all that a volume can be told, and no flag that there is not.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/KUBERNETES.md")
	require.NoError(t, err)
	page := string(text)
	var o options
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.addFlags(flags)
	kept := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(keepOptions).addFlags(kept)
	for _, m := range regexp.MustCompile("`--([a-z-]+)").FindAllStringSubmatch(page, -1) {
		theirs := m[1] == "rotation-poll-interval"
		require.True(t, theirs || flags.Lookup(m[1]) != nil || kept.Lookup(m[1]) != nil, "there is no --%s", m[1])
	}

	_, table, found := strings.Cut(page, "| attribute | |\n|---|---|\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	var named []string
	for _, row := range strings.Split(table, "\n") {
		first, _, _ := strings.Cut(strings.TrimPrefix(row, "|"), "|")
		for _, m := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(first, -1) {
			named = append(named, m[1])
		}
	}
	want := append(words.VolumeWords(), "identity-id", "audience", "organization-slug")
	require.ElementsMatch(t, want, named)

	examples, err := os.ReadDir(manifests + "/examples")
	require.NoError(t, err)
	for _, e := range examples {
		require.Contains(t, page, "](../deploy/kubernetes/examples/"+e.Name()+")")
	}
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(page, -1) {
		var pod core.PodSpec
		require.NoError(t, yaml.UnmarshalStrict([]byte(m[1]), &pod))
		require.NotEmpty(t, pod.Volumes)
	}
	require.True(t, slices.IsSorted([]int{strings.Index(page, "In a hurry: "), strings.Index(page, "\n## ")}))
}
