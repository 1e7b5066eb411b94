package compat

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
	sigs "sigs.k8s.io/yaml"
)

// parsers of node print what they make of a file that is called like the view.
const nodeParsers = `
const [modules, yaml, toml] = process.argv.slice(1);
const load = require("node:module").createRequire(modules + "/");
const fs = require("node:fs");
const text = { yaml: fs.readFileSync(yaml, "utf8"), toml: fs.readFileSync(toml, "utf8") };
console.log(JSON.stringify({
  "js-yaml": load("js-yaml").load(text.yaml),
  "yaml": load("yaml").parse(text.yaml),
  "smol-toml": load("smol-toml").parse(text.toml),
  "@iarna/toml": load("@iarna/toml").parse(text.toml),
}));
`

// JSON, YAML and TOML hold any text, and whoever parses them reads it as it is.
func TestParsers(t *testing.T) {
	modules := nodeModules(t)
	all := maps.Clone(ugly)
	maps.Copy(all, random)
	w := newServer(t)
	w.fill("app", all)
	w.mount("--expand=false", "--read-only")
	var read map[string]map[string]string
	out := output(t, filepath.Dir(modules), "node", "-e", nodeParsers, modules, w.path("app/.secrets.yaml"), w.path("app/.secrets.toml"))
	require.NoError(t, json.Unmarshal(out, &read))
	for name, p := range map[string]struct {
		view  string
		parse func(text []byte, into any) error
	}{
		"goccy/go-yaml":    {".secrets.yaml", func(text []byte, into any) error { return yaml.Unmarshal(text, into) }},
		"sigs.k8s.io/yaml": {".secrets.yaml", func(text []byte, into any) error { return sigs.UnmarshalStrict(text, into) }},
		"BurntSushi/toml":  {".secrets.toml", toml.Unmarshal},
	} {
		text, err := os.ReadFile(w.path("app/" + p.view))
		require.NoError(t, err)
		m := map[string]string{}
		require.NoError(t, p.parse(text, &m), name)
		read[name] = m
	}
	for name, got := range read {
		t.Run(name, func(t *testing.T) { requireSame(t, all, got, nil) })
	}
}
