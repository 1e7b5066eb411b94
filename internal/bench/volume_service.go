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

	"infisicalfs/client"
	"infisicalfs/internal/options"
	"infisicalfs/internal/volume"
)

// serveVolumes is a process with volumes below dir. For each number that it reads it
// mounts so many, and says so. At the end of its input it unmounts them.
func serveVolumes(ctx context.Context, dir string, in io.Reader, out io.Writer) error {
	login := func(string) (client.Config, error) {
		var server options.Server
		server.AddFlags(pflag.NewFlagSet("", pflag.ContinueOnError))
		return server.Login(os.LookupEnv, nil)
	}
	m, err := volume.Open(ctx, volume.Config{BaseDir: filepath.Join(dir, "base"), StateDir: filepath.Join(dir, "state"), Login: login})
	if err != nil {
		return err
	}
	mounted := 0
	for lines := bufio.NewScanner(in); lines.Scan(); {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		var all errgroup.Group
		all.SetLimit(mountsAtOnce)
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
	for _, v := range m.List() {
		err = errors.Join(err, m.Unmount(ctx, v.Name, "bench"))
	}
	return errors.Join(err, m.Close())
}

// volumeService is such a process.
type volumeService struct {
	cmd *exec.Cmd
	dir string
	in  io.WriteCloser
	out *bufio.Scanner
}

func startService(ctx context.Context, s *site, dir string) (*volumeService, error) {
	cmd, err := again("volume-service", dir)
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
	return &volumeService{cmd, dir, in, bufio.NewScanner(out)}, nil
}

// mount returns when there are n volumes.
func (v *volumeService) mount(n int) error {
	if _, err := fmt.Fprintln(v.in, n); err != nil {
		return err
	}
	if !v.out.Scan() || v.out.Text() != fmt.Sprint("mounted ", n) {
		return fmt.Errorf("the process did not mount %d volumes", n)
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
