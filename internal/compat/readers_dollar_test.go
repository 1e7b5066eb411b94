package compat

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/view"
)

// dotenvReaders prints what readers of .env files read of one. It is told where the
// modules are, the file, a directory for programs that look for .env in theirs, and
// which readers. Each is told of nothing that is in the environment but for PATH.
const dotenvReaders = `
const [modules, file, dir, ...wanted] = process.argv.slice(1);
const load = require("node:module").createRequire(modules + "/");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const text = fs.readFileSync(file, "utf8");
const parsed = () => load("dotenv").parse(text);
const show = "console.log(JSON.stringify(process.env))";
const run = (program, ...args) => {
  const p = spawnSync(program, args, { cwd: dir, env: { PATH: process.env.PATH }, encoding: "utf8", maxBuffer: 1 << 26 });
  if (p.status !== 0) throw new Error(program + ": " + p.error + p.stderr);
  return JSON.parse(p.stdout);
};
const bin = (module, name) => modules + "/" + module + "/" + load(module + "/package.json").bin[name];
const readers = {
  "dotenv": parsed,
  "dotenv and dotenv-expand 1000": () => load("dotenv-expand").expand({ parsed: parsed(), processEnv: {} }).parsed,
  "dotenv and dotenv-expand 13": () => load("dotenv-expand-13").expand({ parsed: parsed(), processEnv: {} }).parsed,
  "dotenvx": () => load("@dotenvx/dotenvx").parse(text, { processEnv: {} }),
  "dotenv-flow": () => load("dotenv-flow").parse(file),
  "@next/env": () => load("@next/env").loadEnvConfig(dir, true, { info() {}, error() {} }, true).parsedEnv,
  "vite": () => run("node", "-e", 'import(process.argv[1]).then(({ loadEnv }) => console.log(JSON.stringify(loadEnv("development", process.argv[2], ""))))',
    modules + "/vite/dist/node/index.js", dir),
  "node --env-file": () => run("node", "--env-file=" + file, "-e", show),
  "dotenv-cli": () => run("node", bin("dotenv-cli", "dotenv"), "-e", file, "--", "node", "-e", show),
  "env-cmd": () => run("node", bin("env-cmd", "env-cmd"), "-f", file, "--", "node", "-e", show),
  "bun": () => run(bin("bun", "bun"), "-e", show),
};
for (const name in process.env) if (name !== "PATH") delete process.env[name];
const read = {};
for (const name of wanted) read[name] = { ...readers[name]() };
for (const name in read) delete read[name].PATH;
console.log(JSON.stringify(read));
`

// readDotenv returns what each of the readers reads of a file called .env.
func readDotenv(t *testing.T, modules, file string, readers ...string) map[string]map[string]string {
	t.Helper()
	var read map[string]map[string]string
	out := output(t, t.TempDir(), "node", append([]string{"-e", dotenvReaders, modules, file, filepath.Dir(file)}, readers...)...)
	require.NoError(t, json.Unmarshal(out, &read))
	return read
}

// Readers that expand nothing between single quotes, those that expand dollar signs in
// any, and whom none of that suits.
var (
	literalReaders = []string{"dotenv", "dotenvx", "dotenv-flow", "node --env-file"}
	expandReaders  = []string{"dotenv and dotenv-expand 1000", "dotenv and dotenv-expand 13", "@next/env", "vite", "dotenv-cli", "bun"}
	wrongReaders   = []string{"env-cmd"}
)

// heldAs is held for .env in a dialect, without what is too long for a variable.
func heldAs(dialect view.EnvDialect) map[string]string {
	v := view.Builtin(dialect)[0]
	m := heldBy(v, ugly)
	maps.Copy(m, heldBy(v, random))
	maps.DeleteFunc(m, func(name, _ string) bool { return slices.Contains(tooLong, name) })
	return m
}

// Each dialect is exact for its readers, and for those only.
func TestDotenvDialects(t *testing.T) {
	modules := nodeModules(t)
	for dialect, readers := range map[view.EnvDialect]struct{ exact, wrong []string }{
		view.EnvStrict:  {slices.Concat(literalReaders, expandReaders), wrongReaders},
		view.EnvLiteral: {literalReaders, slices.Concat(expandReaders, wrongReaders)},
		view.EnvExpand:  {expandReaders, slices.Concat(literalReaders, wrongReaders)},
	} {
		t.Run(string(dialect), func(t *testing.T) {
			want := heldAs(dialect)
			// What is run in the trial of a dialect for which that is no concern does nothing.
			maps.DeleteFunc(want, func(_, value string) bool { return dialect == view.EnvLiteral && strings.Contains(value, "$(") })
			w := newServer(t)
			w.fill("app", want)
			w.mount("--expand=false", "--read-only", "--env-dialect="+string(dialect), "--list-views=.env") // which Bun finds by listing
			read := readDotenv(t, modules, w.path("app/.env"), slices.Concat(readers.exact, readers.wrong)...)
			for _, reader := range readers.exact {
				t.Run(reader, func(t *testing.T) { requireSame(t, want, read[reader], nil) })
			}
			for _, reader := range readers.wrong {
				require.NotEqual(t, want, read[reader], "%s has learned to read this: say so", reader)
			}
			if dialect == view.EnvLiteral {
				literalElsewhere(t, w.path("app/.env"), want)
			}
			if dialect != view.EnvExpand {
				return
			}
			text, err := os.ReadFile(w.path("app/.env.expand"))
			require.NoError(t, err)
			same, err := os.ReadFile(w.path("app/.env"))
			require.NoError(t, err)
			require.Equal(t, string(text), string(same))
		})
	}
}

// literalElsewhere has readers that are not node's read a file of their dialect.
func literalElsewhere(t *testing.T, file string, want map[string]string) {
	for _, r := range goReaders {
		if r.view == ".env" {
			t.Run(r.name, func(t *testing.T) {
				got, err := r.read(file)
				require.NoError(t, err)
				requireSame(t, want, got, nil)
			})
		}
	}
	t.Run("python-dotenv", func(t *testing.T) {
		needs(t, debianPython)
		const script = `import dotenv, json, sys; print(json.dumps(dotenv.dotenv_values(sys.argv[1])))`
		var got map[string]string
		require.NoError(t, json.Unmarshal(output(t, "", debianPython, "-c", script, file), &got))
		requireSame(t, want, got, nil)
	})
}

// What dotenv-expand runs is in no file that it may be given without somebody's wish.
func TestNoValueIsRun(t *testing.T) {
	modules := nodeModules(t)
	canary := filepath.Join(t.TempDir(), "canary")
	value := fmt.Sprintf("$(touch %s)", canary)
	w := newServer(t)
	w.fill("app", map[string]string{"KEY": value})
	w.mount("--read-only")
	for _, name := range []string{".env", ".env.expand"} {
		_, err := os.ReadFile(w.path("app/" + name))
		require.ErrorIs(t, err, syscall.EINVAL)
		status, err := os.ReadFile(w.path(".infisicalfs/status"))
		require.NoError(t, err)
		require.Contains(t, string(status), name+` cannot hold \"KEY\": the value has $(`)
	}
	// The trial itself can fail.
	file := filepath.Join(t.TempDir(), ".env")
	require.NoError(t, os.WriteFile(file, []byte("KEY='"+value+"'\n"), 0o600))
	require.NotEqual(t, value, readDotenv(t, modules, file, "dotenv and dotenv-expand 1000")["dotenv and dotenv-expand 1000"]["KEY"])
	require.FileExists(t, canary)
}
