package compat

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// nodeModules is where npm has put what the tests of node need. A program that
// needs it is run beside it: node-config looks for its parsers from there.
func nodeModules(t *testing.T) string {
	t.Helper()
	needs(t, "node")
	modules := os.Getenv("COMPAT_NODE_MODULES")
	if modules == "" && os.Getenv("REQUIRE_FUSE") == "" {
		t.Skip("COMPAT_NODE_MODULES does not say where the modules of npm are")
	}
	require.NotEmpty(t, modules, "REQUIRE_FUSE is set, and COMPAT_NODE_MODULES is not")
	return modules
}

// node is a reader of testdata/readers/node.mjs.
func node(reader string) func(t *testing.T, files []string) []reading {
	return func(t *testing.T, files []string) []reading {
		file, err := filepath.Abs("testdata/readers/node.mjs")
		require.NoError(t, err)
		return script(reader, "node", file, nodeModules(t))(t, files)
	}
}

// Readers of .env files expand nothing between single quotes, or dollar signs in any.
var (
	forLiteral = []string{".env", envLiteral}
	forExpand  = []string{".env", ".env.expand"}
)

var nodeRows = []reader{
	{name: "dotenv", version: npm("dotenv"), use: forLiteral, others: envColumns, read: node("dotenv")},
	{name: "@dotenvx/dotenvx", version: npm("@dotenvx/dotenvx"), use: forLiteral, others: envColumns, read: node("dotenvx"), runs: true},
	{name: "dotenv-flow", version: npm("dotenv-flow"), use: forLiteral, others: envColumns, read: node("dotenv-flow")},
	{name: "`node --env-file`", version: says("node", "--version"), use: forLiteral, others: envColumns, read: node("node --env-file"), environment: true},
	{name: "@next/env", version: npm("@next/env"), use: forExpand, others: envColumns, read: node("@next/env"), byItself: "expands `$`"},
	{name: "vite (`loadEnv`)", version: npm("vite"), use: forExpand, others: envColumns, read: node("vite"), byItself: "expands `$`"},
	{name: "bun", version: npm("bun"), use: forExpand, others: envColumns, read: node("bun"), environment: true,
		byItself: "expands `$`; finds `.env` by listing the directory (`--list-views=.env`)"},
	{name: "dotenv-cli", version: npm("dotenv-cli"), use: forExpand, others: envColumns, read: node("dotenv-cli"), environment: true, byItself: "expands `$`"},
	{name: "dotenv-expand 13", version: npm("dotenv-expand-13"), use: forExpand, others: envColumns, read: node("dotenv-expand 13"), byItself: "expands `$`"},
	{name: "dotenv-expand 1000", version: npm("dotenv-expand"), use: forExpand, others: envColumns, read: node("dotenv-expand 1000"), runs: true,
		byItself: "expands `$` and runs `$(command)`"},
	{name: "env-cmd", version: npm("env-cmd"), use: []string{".secrets.json"}, others: envColumns, read: node("env-cmd"), environment: true,
		byItself: "of `.env` it misreads line ends and `\\n`, also between single quotes; `-f` takes JSON if the name ends so"},
	{name: "js-yaml", version: npm("js-yaml"), use: []string{".secrets.yaml"}, read: node("js-yaml")},
	{name: "yaml", version: npm("yaml"), use: []string{".secrets.yaml"}, read: node("yaml")},
	{name: "smol-toml", version: npm("smol-toml"), use: []string{".secrets.toml"}, read: node("smol-toml")},
	{name: "@iarna/toml", version: npm("@iarna/toml"), use: []string{".secrets.toml"}, read: node("@iarna/toml")},
	{name: "nconf", version: npm("nconf"), use: []string{".secrets.json", ".secrets.yaml"}, read: node("nconf")},
	{name: "node", version: says("node", "--version"), use: []string{".secrets.json"}, read: node("JSON.parse")},
	{name: "node (`readFileSync`)", version: says("node", "--version"), use: []string{ownFiles}, read: node("fs.readFileSync")},
}
