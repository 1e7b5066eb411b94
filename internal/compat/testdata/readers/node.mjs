// Prints what a reader for node makes of files: a list of {values} or {error}.
// Arguments: where npm's modules are, the reader, and for each file the file and a
// directory where it is called .env.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, reader, ...files] = process.argv.slice(2);
const load = createRequire(modules + "/");
const { PATH } = process.env;
for (const name in process.env) if (name !== "PATH") delete process.env[name];

const read = (file) => fs.readFileSync(file, "utf8");
const show = "console.log(JSON.stringify(process.env))";
function run(dir, program, ...args) {
  const p = spawnSync(program, args, { cwd: dir, env: { PATH }, encoding: "utf8", maxBuffer: 1 << 26 });
  if (p.status !== 0) throw new Error(p.error ?? p.stderr);
  const { PATH: _, ...values } = JSON.parse(p.stdout);
  return values;
}
const bin = (module, name) => modules + "/" + module + "/" + load(module + "/package.json").bin[name];
const parse = (file) => load("dotenv").parse(read(file));
const nconf = (options) => {
  const { Provider } = load("nconf");
  return new Provider().file(options).get();
};

const readers = {
  "dotenv": parse,
  "dotenv-expand 1000": (file) => load("dotenv-expand").expand({ parsed: parse(file), processEnv: {} }).parsed,
  "dotenv-expand 13": (file) => load("dotenv-expand-13").expand({ parsed: parse(file), processEnv: {} }).parsed,
  "dotenvx": (file) => load("@dotenvx/dotenvx").parse(read(file), { processEnv: {} }),
  "dotenv-flow": (file) => load("dotenv-flow").parse(file),
  "@next/env": (_, dir) => load("@next/env").loadEnvConfig(dir, true, { info() {}, error() {} }, true).parsedEnv,
  "vite": async (_, dir) => {
    const { loadEnv } = await import(pathToFileURL(modules + "/vite/dist/node/index.js"));
    const { PATH: _path, ...values } = loadEnv("development", dir, "");
    return values;
  },
  "node --env-file": (file) => run("/", process.execPath, "--env-file=" + file, "-e", show),
  "dotenv-cli": (file) => run("/", process.execPath, bin("dotenv-cli", "dotenv"), "-e", file, "--", process.execPath, "-e", show),
  "env-cmd": (file) => run("/", process.execPath, bin("env-cmd", "env-cmd"), "-f", file, "--", process.execPath, "-e", show),
  "bun": (_, dir) => run(dir, bin("bun", "bun"), "-e", show),
  "JSON.parse": (file) => JSON.parse(read(file)),
  "js-yaml": (file) => load("js-yaml").load(read(file)),
  "yaml": (file) => load("yaml").parse(read(file)),
  "smol-toml": (file) => load("smol-toml").parse(read(file)),
  "@iarna/toml": (file) => load("@iarna/toml").parse(read(file)),
  "nconf": (file) => nconf(file.endsWith("yaml") ? { file, format: load("nconf-yaml") } : { file }),
  "fs.readFileSync": (dir) => Object.fromEntries(fs.readdirSync(dir).map((name) => [name, read(dir + "/" + name)])),
};

const all = [];
for (let i = 0; i < files.length; i += 2) {
  try {
    all.push({ values: { ...(await readers[reader](files[i], files[i + 1])) } });
  } catch (error) {
    all.push({ error: String(error) });
  }
  for (const name in process.env) if (name !== "PATH") delete process.env[name];
}
// What a reader prints by itself goes before.
console.log("\n" + JSON.stringify(all));
