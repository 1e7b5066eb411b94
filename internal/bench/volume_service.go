//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/options"
	"infisicalfs/internal/volume"
)

// serveVolumes is a process with volumes below dir. It says how many are mounted from before.
// For each number that it reads it mounts so many, atOnce side by side, and says so. At the
// end of its input it unmounts them.
func serveVolumes(ctx context.Context, dir string, atOnce int, in io.Reader, out io.Writer) error {
	login := func(string) (volume.Login, error) {
		var server options.Server
		server.AddFlags(pflag.NewFlagSet("", pflag.ContinueOnError))
		cfg, who, err := server.LoginAs(os.LookupEnv, nil)
		return volume.Login{Config: cfg, Identity: who.Identity}, err
	}
	m, err := volume.Open(ctx, volume.Config{BaseDir: filepath.Join(dir, "base"), StateDir: filepath.Join(dir, "state"), Login: login})
	if err != nil {
		return err
	}
	mounted := 0
	for _, v := range m.List() {
		if v.Status["mounted"] == true {
			mounted++
		}
	}
	fmt.Fprintln(out, "mounted", mounted)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		var all errgroup.Group
		all.SetLimit(atOnce)
		for ; mounted < n; mounted++ {
			name := fmt.Sprint("v", mounted)
			all.Go(func() error {
				if err := m.Create(name, map[string]string{"project": "demo", "env": "dev"}); err != nil {
					return err
				}
				_, err := m.Mount(ctx, name, "bench")
				return err
			})
		}
		if err := all.Wait(); err != nil {
			return err
		}
		fmt.Fprintln(out, "mounted", n)
	}
	var all errgroup.Group
	all.SetLimit(atOnce)
	for _, v := range m.List() {
		all.Go(func() error { return m.Unmount(ctx, v.Name, "bench") })
	}
	return errors.Join(all.Wait(), m.Close())
}

// volumeService is such a process.
type volumeService struct {
	cmd *exec.Cmd
	dir string
	in  io.WriteCloser
	out *bufio.Scanner
}

// startService returns when all volumes that are mounted from before are mounted again.
func startService(s *site, dir string, atOnce, before int) (*volumeService, error) {
	cmd, err := again("volume-service", "--at-once", strconv.Itoa(atOnce), dir)
	if err != nil {
		return nil, err
	}
	cmd.Env, cmd.Stderr = s.environment(), os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a ^C is for us, who then end it
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	v := &volumeService{cmd, dir, in, bufio.NewScanner(out)}
	if err := v.answer(before); err != nil {
		return nil, errors.Join(err, v.stop())
	}
	return v, nil
}

// kill ends the process at once, and leaves dead mounts.
func (v *volumeService) kill() {
	v.cmd.Process.Kill()
	v.cmd.Wait()
}

// mount returns when there are n volumes.
func (v *volumeService) mount(n int) error {
	if _, err := fmt.Fprintln(v.in, n); err != nil {
		return err
	}
	return v.answer(n)
}

// answer returns when the process says that there are n volumes.
func (v *volumeService) answer(n int) error {
	if !v.out.Scan() || v.out.Text() != fmt.Sprint("mounted ", n) {
		return fmt.Errorf("the process did not mount %d volumes: %q", n, v.out.Text())
	}
	return nil
}

// stop has the process unmount and end.
func (v *volumeService) stop() error {
	v.in.Close()
	late := time.AfterFunc(time.Minute, func() { v.cmd.Process.Kill() })
	defer late.Stop()
	return errors.Join(v.cmd.Wait(), unix.Unmount(filepath.Join(v.dir, "base"), unix.MNT_DETACH))
}
