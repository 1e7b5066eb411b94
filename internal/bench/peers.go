//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// peer is another file system in user space, which shows a directory in another place.
type peer struct {
	name string
	// command serves from at to in the foreground; dir is for what it needs besides. The error
	// is that it cannot be run here.
	command func(from, to, dir string) (*exec.Cmd, error)
}

var peers = []peer{
	{"bindfs", func(from, to, _ string) (*exec.Cmd, error) { return exec.Command("bindfs", "-f", from, to), nil }},
	{"gocryptfs", gocryptfs},
	{"rclone", func(from, to, _ string) (*exec.Cmd, error) {
		return exec.Command("rclone", "mount", "--config=/dev/null", from, to), nil
	}},
	{"sshfs", sshfs},
}

// gocryptfs shows what is encrypted in from, which is made so first.
func gocryptfs(from, to, dir string) (*exec.Cmd, error) {
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("not-a-secret\n"), 0o600); err != nil {
		return nil, err
	}
	cipher := filepath.Join(dir, "cipher")
	if err := os.Mkdir(cipher, 0o700); err != nil {
		return nil, err
	}
	if out, err := exec.Command("gocryptfs", "-init", "-q", "-scryptn=10", "-passfile", password, cipher).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("gocryptfs -init: %w\n%s", err, out)
	}
	return exec.Command("gocryptfs", "-fg", "-q", "-passfile", password, cipher, to), nil
}

// sshfs talks to a server of files beside it, without ssh and a network between them.
func sshfs(from, to, dir string) (*exec.Cmd, error) {
	server := ""
	for _, path := range []string{os.Getenv("SFTP_SERVER"), "/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"} {
		if path != "" && unix.Access(path, unix.X_OK) == nil {
			server = path
			break
		}
	}
	if server == "" {
		return nil, errors.New("there is no sftp-server for it: install it, or name it in $SFTP_SERVER")
	}
	script := filepath.Join(dir, "no-ssh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec "+server+"\n"), 0o700); err != nil {
		return nil, err
	}
	return exec.Command("sshfs", "-f", "-o", "ssh_command="+script, "host:"+from, to), nil
}

// comparePeers times what a mount is for, on program and on each peer that is installed.
func comparePeers(ctx context.Context, program string, rounds int) error {
	work, s, stop, err := workplace(benchSeed())
	if err != nil {
		return err
	}
	defer stop()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	names := []string{onTmpfs, onBareKeep, onDefault}
	subjects, stop, err := startCommands(work, s, names, map[string][]string{
		onBareKeep: {self, "bare", "--mode=" + bareKeep}, onDefault: mountCommand(program),
	})
	defer stop()
	if err != nil {
		return err
	}
	for _, p := range peers {
		x, end, err := startPeer(work, subjects[0].files, p)
		if err != nil {
			fmt.Printf("%s is left out: %v\n", p.name, err)
			continue
		}
		defer end()
		subjects, names = append(subjects, x), append(names, p.name)
	}
	r, err := warm(ctx, subjects, rounds)
	if err != nil {
		return err
	}
	for _, m := range warmMeasures {
		rows := [][]string{{m.name, "µs", "× tmpfs", "× " + onDefault}}
		for _, name := range names {
			times := r.times[m.name][name]
			rows = append(rows, []string{name, short(times.median()),
				short(times.over(r.times[m.name][onTmpfs]).median()), short(times.over(r.times[m.name][onDefault]).median())})
		}
		fmt.Printf("\n%s", columns(rows))
	}
	fmt.Printf("\nMedians of %d rounds, all measured side by side, each with its own defaults over files on a tmpfs.\n", rounds)
	return nil
}

// startPeer has a peer show the files of from; end unmounts it.
func startPeer(work, from string, p peer) (x *subject, end func(), err error) {
	if _, err := exec.LookPath(p.name); err != nil {
		return nil, nil, errors.New("it is not installed")
	}
	dir := filepath.Join(work, p.name)
	to := filepath.Join(dir, "mount")
	if err := os.MkdirAll(to, 0o700); err != nil {
		return nil, nil, err
	}
	cmd, err := p.command(from, to, dir)
	if err != nil {
		return nil, nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), "HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	gone := make(chan struct{})
	go func() { cmd.Wait(); close(gone) }()
	end = func() {
		unix.Unmount(to, unix.MNT_DETACH)
		select {
		case <-gone:
		case <-time.After(10 * time.Second):
			cmd.Process.Kill()
			<-gone
		}
	}
	if err := fuseAt(to, gone); err != nil {
		end()
		log.Seek(0, io.SeekStart)
		said, _ := io.ReadAll(log)
		return nil, nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(string(said)))
	}
	x = &subject{name: p.name, files: to}
	for i := range fileCount {
		x.paths = append(x.paths, filepath.Join(to, fileName(i)))
	}
	if entries, err := os.ReadDir(to); err == nil && len(entries) == 0 { // what it shows is kept in another form
		err = x.write()
		if err != nil {
			end()
			return nil, nil, err
		}
	}
	return x, end, nil
}

// fuseAt waits until a FUSE file system is mounted at dir, for ten seconds.
func fuseAt(dir string, gone <-chan struct{}) error {
	deadline := time.After(10 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		var st unix.Statfs_t
		if unix.Statfs(dir, &st) == nil && st.Type == unix.FUSE_SUPER_MAGIC {
			tick.Stop()
			return nil
		}
		select {
		case <-tick.C:
		case <-gone:
			return errors.New("it has ended")
		case <-deadline:
			return errors.New("it did not mount within ten seconds")
		}
	}
}
