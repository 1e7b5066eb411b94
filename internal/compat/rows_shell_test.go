package compat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

var shellRows = []reader{
	{name: "bash", version: says("bash", "--version"), needs: []string{"bash"}, use: []string{".env.sh"}, environment: true, read: sourced("bash", "-euc")},
	{name: "dash", version: debian("dash"), needs: []string{"dash"}, use: []string{".env.sh"}, environment: true, read: sourced("dash", "-euc")},
	{name: "busybox sh", version: says("busybox"), needs: []string{"busybox"}, use: []string{".env.sh"}, environment: true, read: sourced("busybox", "sh", "-euc")},
	{name: "mvdan.cc/sh/v3 (go-task's shell)", version: goModule("mvdan.cc/sh/v3"), use: []string{".env.sh"}, read: library(readInterp), changes: func(value string) string {
		if strings.Contains(value, "\r\n") {
			return "makes a newline of a carriage return and one"
		}
		return ""
	}},
	{name: "direnv", version: says("direnv", "version"), needs: []string{"direnv", "bash"}, use: []string{".env.sh"}, others: envColumns, environment: true, runs: true,
		read: each(readDirenv), byItself: "with `. …/.env.sh` in `.envrc`; its `dotenv`, which is tried with the other files, prints a line that it does not understand"},
	{name: "systemd (`EnvironmentFile=`)", version: debian("systemd"), needs: []string{debianPython, "systemd-analyze"}, use: []string{".env.systemd"}, others: envColumns,
		read: interpreted("systemd.py", "", debianPython)},
	{name: "podman (`--env-file`)", version: debian("podman"), needs: []string{"podman", "root"}, use: []string{".env.docker"}, read: each(readPodman)},
}

// sourced is a shell that reads a file with "." and hands on what it says.
func sourced(command ...string) func(t *testing.T, files []string) []reading {
	return each(func(t *testing.T, file string) (map[string]string, error) {
		values, _, err := variables(t, "/", append(command[:len(command):len(command)], `. "$0"; exec env -0`, file)...)
		return values, err
	})
}

// variables runs a program that prints its environment with NULs, and returns what is
// there of others than the program's own, and what it complains about.
func variables(t *testing.T, dir string, command ...string) (values map[string]string, complaints string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, "", fmt.Errorf("%w: %s", err, stderr.String())
	}
	m := map[string]string{}
	for pair := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte{0}), []byte{0}) {
		key, value, _ := strings.Cut(string(pair), "=")
		m[key] = value
	}
	for name := range m {
		if strings.HasPrefix(name, "DIRENV_") {
			delete(m, name)
		}
	}
	for _, own := range []string{"PATH", "HOME", "PWD", "OLDPWD", "SHLVL", "_"} {
		delete(m, own)
	}
	return m, stderr.String(), nil
}

// readInterp runs a file with the shell that is written in Go, which go-task has for
// its commands, and returns the variables that it sets.
func readInterp(file string) (map[string]string, error) {
	m := map[string]string{}
	program, err := syntax.NewParser().Parse(strings.NewReader(". "+file), "")
	if err != nil {
		return nil, err
	}
	shell, err := interp.New(interp.Env(expand.ListEnviron("PATH="+os.Getenv("PATH"))), interp.StdIO(nil, os.Stderr, os.Stderr))
	if err != nil {
		return nil, err
	}
	if err := shell.Run(context.Background(), program); err != nil {
		return nil, err
	}
	for name, v := range shell.Vars {
		if v.Exported && name != "PATH" {
			m[name] = v.String()
		}
	}
	return m, nil
}

// readDirenv has an .envrc read a file: by the shell, or by direnv's own "dotenv".
func readDirenv(t *testing.T, file string) (map[string]string, error) {
	dir := t.TempDir()
	how := "dotenv "
	if filepath.Ext(file) == ".sh" {
		how = ". "
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".envrc"), []byte(how+file+"\n"), 0o600))
	values, complaints, err := variables(t, dir, "sh", "-c", "direnv allow && exec direnv exec . env -0")
	if err == nil && strings.Contains(complaints, "direnv: error") {
		err = errors.New(complaints) // it says so and goes on
	}
	return values, err
}
