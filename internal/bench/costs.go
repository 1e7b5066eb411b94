//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

// The environments whose folders are three levels deep.
const (
	appsDir, importsDir = "apps", "imports"
	appCount            = 50
	quietFor            = time.Minute
)

func costsSeed() *devserver.Seed {
	apps := func(imports ...devserver.SeedImport) devserver.SeedContent {
		all := devserver.SeedFolder{Name: "apps"}
		for i := range appCount {
			all.Folders = append(all.Folders, devserver.SeedFolder{Name: fmt.Sprintf("app%02d", i), SeedContent: devserver.SeedContent{
				Folders: []devserver.SeedFolder{{Name: "config", SeedContent: devserver.SeedContent{Secrets: seedSecrets(1), Imports: imports}}},
			}})
			imports = nil // of the first alone
		}
		return devserver.SeedContent{Secrets: seedSecrets(1), Folders: []devserver.SeedFolder{all}}
	}
	return &devserver.Seed{Projects: []devserver.SeedProject{{Slug: project, Environments: []devserver.SeedEnvironment{
		{Slug: appsDir, SeedContent: apps()},
		{Slug: importsDir, SeedContent: apps(devserver.SeedImport{Env: fewDir, Path: "/"})},
		{Slug: fewDir, SeedContent: devserver.SeedContent{Secrets: seedSecrets(fewCount)}},
		{Slug: manyDir, SeedContent: devserver.SeedContent{Secrets: seedSecrets(manyCount)}},
		{Slug: filesDir, SeedContent: devserver.SeedContent{Secrets: seedSecrets(fileCount)}},
	}}}}
}

// costs counts what programs ask, wake up for and leave behind, one after the other, and
// prints that side by side; at last it times a warm read beside a tmpfs and the bare program.
func costs(ctx context.Context, programs []string, rounds int) error {
	work, s, stop, err := workplace(costsSeed())
	if err != nil {
		return err
	}
	defer stop()
	if err := sideBySide(programs, func(i int, program string) ([]target, error) {
		return (&cold{site: s, program: program, work: filepath.Join(work, fmt.Sprint(i))}).costs(ctx)
	}); err != nil {
		return err
	}
	fmt.Println("Counts marked with * do not depend on the machine: tests hold them.")
	return warmBeside(ctx, s, work, programs, rounds)
}

func (c *cold) costs(ctx context.Context) (list []target, err error) {
	count := func(what, wanted string, do func(context.Context) (int, error)) {
		n, failed := do(ctx)
		err = errors.Join(err, failed)
		list = append(list, target{what: what + ", requests *", measured: fmt.Sprint(n), wanted: wanted})
	}
	count("cold walk over 50 folders in folders without secrets, with login, projects and mount", "5", c.wholeWalk(appsDir))
	count("the same with an import", fmt.Sprintf("8, and one for each of %d folders", 2+2*appCount), c.wholeWalk(importsDir))
	count("cold cat of one secret, three folders deep", "2", c.deepCat)
	count("export with a token and the project's id", "1", c.withToken("export", "--env="+fewDir, ".env"))
	count("run --env-from with them", "1", c.withToken("run", "--env="+fewDir, "--env-from=.env", "--", "true"))
	if err != nil {
		return nil, err
	}
	more, err := c.quiet(ctx)
	return append(list, more...), err
}

// wholeWalk mounts, reads every file of an environment, and counts all requests.
func (c *cold) wholeWalk(env string) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		c.site.ResetRequests()
		c.n++
		m, err := start(filepath.Join(c.work, fmt.Sprint("c", c.n)), c.site.environment(), c.program, "mount", "--foreground", "--watch=off")
		if err != nil {
			return 0, err
		}
		defer m.stop()
		if out, err := exec.CommandContext(ctx, "grep", "-rc", "not-a-secret", filepath.Join(m.dir, project, env)).CombinedOutput(); err != nil {
			return 0, fmt.Errorf("grep -r: %w: %s", err, out)
		}
		return len(c.site.Requests()), nil
	}
}

func (c *cold) deepCat(context.Context) (int, error) {
	m, err := c.mount("--watch=off")
	if err != nil {
		return 0, err
	}
	defer m.stop()
	c.site.ResetRequests()
	_, err = os.ReadFile(filepath.Join(m.dir, appsDir, "apps/app07/config", fileName(0)))
	return len(c.site.Requests()), err
}

// withToken runs a command of the program that is told the project by its id, and counts its
// requests.
func (c *cold) withToken(command string, args ...string) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		run := func(project string) error {
			cmd := exec.CommandContext(ctx, c.program, append([]string{command, "--project=" + project}, args...)...)
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.work, "INFISICAL_API_URL=" + c.site.url, "INFISICAL_TOKEN=" + c.site.UserToken()}
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("%s: %w: %s", command, err, out)
			}
			return nil
		}
		c.site.ResetRequests()
		if err := run(project); err != nil {
			return 0, err
		}
		id := ""
		for _, r := range c.site.Requests() {
			id += strings.TrimPrefix(r.Query.Get("projectId"), id)
		}
		c.site.ResetRequests()
		err := run(id)
		return len(c.site.Requests()), err
	}
}

// quiet is what a mount costs without a request.
func (c *cold) quiet(ctx context.Context) ([]target, error) {
	m, err := c.mount("--env="+manyDir, "--watch=off", "--ttl=1h")
	if err != nil {
		return nil, err
	}
	defer m.stop()
	x := &subject{files: m.dir, serve: m}
	listing := measure{"list", 10, func(x *subject, n int) (sample, error) { return listOften(x, n) }, func(n int) int { return n * listings }}
	if _, err := pass(listing, x); err != nil {
		return nil, err
	}
	messages, err := countMessages(listing, x)
	if err != nil {
		return nil, err
	}
	took, err := listOften(x, 0)
	if err != nil {
		return nil, err
	}
	pids := []int{m.cmd.Process.Pid}
	pause(ctx, 5*time.Second) // what has to do with beginning is over
	before, err := used(pids)
	if err != nil {
		return nil, err
	}
	pause(ctx, quietFor)
	after, err := used(pids)
	if err != nil {
		return nil, err
	}
	idle := after.since(before)
	began := time.Now()
	if err := unix.Unmount(m.dir, 0); err != nil {
		return nil, err
	}
	<-m.gone
	ended := time.Since(began)
	size, err := os.Stat(c.program)
	if err != nil {
		return nil, err
	}
	return []target{
		{what: "warm listing of the mount's root, 10,000 names, messages *", measured: fmt.Sprintf("%.0f", messages), wanted: "2"},
		{what: "the same, time", measured: fmt.Sprintf("%.1f ms", took.median()/1000), wanted: "≤ 2 ms"},
		{what: "idle, nothing watched: context switches a minute", measured: fmt.Sprintf("%.0f", idle.switches), wanted: "≤ 4"},
		{what: "from umount to the end of the process", measured: ended.Round(time.Millisecond).String(), wanted: "≤ 200ms"},
		{what: "the program, stripped", measured: fmt.Sprintf("%.1f MB", float64(size.Size())/1e6), wanted: "≤ 13.4 MB"},
	}, ctx.Err()
}

// warmBeside prints what a warm read costs on a tmpfs, the bare program and each of programs.
func warmBeside(ctx context.Context, s *site, work string, programs []string, rounds int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	names := append([]string{onTmpfs, onBareKeep}, programs...)
	commands := map[string][]string{onBareKeep: {self, "bare", "--mode=" + bareKeep}}
	for _, program := range programs {
		commands[program] = mountCommand(program)
	}
	subjects, stop, err := startCommands(filepath.Join(work, "warm"), s, names, commands)
	defer stop()
	if err != nil {
		return err
	}
	r, err := warm(ctx, subjects, rounds)
	if err != nil {
		return err
	}
	for _, m := range warmMeasures {
		rows := [][]string{{m.name, "µs", "× tmpfs", "× bare"}}
		for _, name := range names {
			times := r.times[m.name][name]
			rows = append(rows, []string{name, short(times.median()), short(times.over(r.times[m.name][onTmpfs]).median()), fmt.Sprintf("%.2f", times.over(r.times[m.name][onBareKeep]).median())})
		}
		fmt.Printf("\n%s", columns(rows))
	}
	return nil
}
