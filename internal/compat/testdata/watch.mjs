// Runs watchers of npm, each in a thread of its own, because those of one thread share what
// they watch with inotify. Prints what each of them says: ROW <tab> ready, ROW <tab> event PATH.
import { createRequire } from "node:module";
import { isMainThread, Worker, workerData } from "node:worker_threads";

const kinds = {
  chokidar: (load, name, paths, say) =>
    import(load.resolve(name)).then(({ default: chokidar }) =>
      chokidar.watch(paths).on("ready", () => say("ready")).on("all", (event, path) => say(`${event} ${path}`))),
  "fs.watch": async (load, name, paths, say) => {
    const { watch } = await import("node:fs");
    for (const path of paths) watch(path, (event, file) => say(`${event} ${file}`));
    say("ready");
  },
  "@parcel/watcher": async (load, name, paths, say) => {
    for (const path of paths)
      await load(name).subscribe(path, (err, events) => events.forEach((e) => say(`${e.type} ${e.path}`)), { backend: "inotify" });
    say("ready");
  },
  watchpack: async (load, name, paths, say, directory) => {
    const Watchpack = load(name);
    const w = new Watchpack({ aggregateTimeout: 20 });
    w.on("change", (path) => say(`change ${path}`));
    w.on("remove", (path) => say(`remove ${path}`));
    w.watch(directory ? { directories: paths } : { files: paths });
    const known = setInterval(() => {
      if (paths.some((path) => directory ? ![...w.getTimeInfoEntries().keys()].includes(path) : !(path in w.getTimes()))) return;
      clearInterval(known);
      say("ready");
    }, 10);
  },
  sane: async (load, name, paths, say) => {
    for (const path of paths) {
      const w = load(name)(path, { dot: true });
      w.on("ready", () => say("ready"));
      for (const event of ["change", "add", "delete"]) w.on(event, (file) => say(`${event} ${file}`));
    }
  },
};

if (isMainThread) {
  const [modules, rows] = process.argv.slice(2);
  for (const row of JSON.parse(rows)) new Worker(new URL(import.meta.url), { workerData: { modules, ...row } });
} else {
  const { modules, row, kind, name, paths, directory } = workerData;
  const say = (text) => process.stdout.write(`${row}\t${text}\n`);
  await kinds[kind](createRequire(modules + "/"), name, paths, say, directory);
}
