package compat

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// nodeReaders prints what each reader reads. It is told the paths in the order of
// its first line.
const nodeReaders = `
const [modules, env, json, yaml, directory] = process.argv.slice(1);
const load = require("node:module").createRequire(modules + "/");
const fs = require("node:fs");
const read = {};

read["dotenv"] = {};
const { error } = load("dotenv").config({ path: env, processEnv: read["dotenv"], quiet: true });
if (error) throw error;

const { Provider } = load("nconf");
read["nconf with json"] = new Provider().file({ file: json }).get();
read["nconf with yaml"] = new Provider().file({ file: yaml, format: load("nconf-yaml") }).get();

read["config"] = load("config").util.toObject();

read["directory"] = {};
for (const entry of fs.readdirSync(directory, { withFileTypes: true }))
  if (entry.isFile()) read["directory"][entry.name] = fs.readFileSync(directory + "/" + entry.name, "utf8");

console.log(JSON.stringify(read));
`

// everything is a template that writes what .secrets.json does.
const everything = `{ {{- range $i, $key := keys}}{{if $i}},{{end}}{{json $key}}: {{json (get $key)}}{{end -}} }`

// node-config lists the directory of its settings, and views are not listed: a
// link makes one of them a setting.
func TestNode(t *testing.T) {
	modules := nodeModules(t)
	template := filepath.Join(t.TempDir(), "everything")
	require.NoError(t, os.WriteFile(template, []byte(everything), 0o600))
	w := newUglyWorld(t, "--template="+template+"=app.json")
	for link, file := range map[string]string{
		"default.json": w.path("secrets.json/app.json"),
		"default.yaml": w.file(".secrets.yaml"),
	} {
		settings := t.TempDir()
		require.NoError(t, os.Symlink(file, filepath.Join(settings, link)))
		t.Setenv("NODE_CONFIG_DIR", settings)
		var read map[string]map[string]string
		require.NoError(t, json.Unmarshal(output(t, filepath.Dir(modules), "node", "-e", nodeReaders,
			modules, w.file(".env"), w.file(".secrets.json"), w.file(".secrets.yaml"), w.path("all")), &read))
		for reader, want := range map[string]map[string]string{
			"dotenv":          held(".env"),
			"nconf with json": held(".secrets.json"),
			"nconf with yaml": held(".secrets.yaml"),
			"config":          held(".secrets.json"),
			"directory":       ugly,
		} {
			t.Run(reader+" beside "+link, func(t *testing.T) { requireSame(t, want, read[reader], nil) })
		}
	}
}

// A secret that is a file of settings is one for node-config too.
func TestNodeConfigWithASecret(t *testing.T) {
	modules := nodeModules(t)
	w := newServer(t)
	w.fill("settings", map[string]string{"default.json": `{"pin": "007"}`, "production.yaml": "pin: \"1e3\"\n", "OTHER": "x"})
	w.mount("--read-only")
	t.Setenv("NODE_CONFIG_DIR", w.path("settings"))
	t.Setenv("NODE_ENV", "production")
	const script = `console.log(JSON.stringify(require(process.argv[1] + "/config").util.toObject()))`
	require.JSONEq(t, `{"pin": "1e3"}`, string(output(t, filepath.Dir(modules), "node", "-e", script, modules)))
}

// Programs that list their directory find a view that is listed: node-config a template
// that is called as it wants, Bun the .env where it works.
func TestListedViews(t *testing.T) {
	modules := nodeModules(t)
	template := filepath.Join(t.TempDir(), "everything")
	require.NoError(t, os.WriteFile(template, []byte(everything), 0o600))
	w := newServer(t)
	w.fill("app", map[string]string{"PIN": "007"})
	w.mount("--read-only", "--path=/app", "--template="+template+"=default.json", "--list-views=.env,default.json")
	entries, err := os.ReadDir(w.dir)
	require.NoError(t, err)
	var listed []string
	for _, e := range entries {
		listed = append(listed, e.Name())
	}
	require.ElementsMatch(t, []string{"PIN", ".env", "default.json"}, listed)
	t.Setenv("NODE_CONFIG_DIR", w.dir)
	const script = `console.log(JSON.stringify(require(process.argv[1] + "/config").util.toObject()))`
	require.JSONEq(t, `{"PIN": "007"}`, string(output(t, filepath.Dir(modules), "node", "-e", script, modules)))
	require.Equal(t, "007\n", string(output(t, w.dir, modules+"/.bin/bun", "-p", "process.env.PIN")))
}
