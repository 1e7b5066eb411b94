package compat

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// readInterp runs a file with the shell that is written in Go, which go-task has for
// its commands, and returns the variables that it sets.
func readInterp(ctx context.Context, file string) (map[string]string, error) {
	m := map[string]string{}
	program, err := syntax.NewParser().Parse(strings.NewReader(". "+file), "")
	if err != nil {
		return nil, err
	}
	shell, err := interp.New(interp.Env(expand.ListEnviron("PATH="+os.Getenv("PATH"))), interp.StdIO(nil, os.Stderr, os.Stderr))
	if err != nil {
		return nil, err
	}
	if err := shell.Run(ctx, program); err != nil {
		return nil, err
	}
	for name, v := range shell.Vars {
		if v.Exported && name != "PATH" {
			m[name] = v.String()
		}
	}
	return m, nil
}

// A task of go-task's reads .env.sh as any shell does, whatever quotes are in it.
func TestShellInGo(t *testing.T) {
	w := newUglyWorld(t)
	got, err := readInterp(t.Context(), w.file(".env.sh"))
	require.NoError(t, err)
	requireSame(t, held(".env.sh"), got, interpChanges(held(".env.sh")))
}

// interpChanges are the values that this shell makes something else of, however they
// are quoted.
func interpChanges(values map[string]string) map[string]string {
	changed := map[string]string{}
	for name, value := range values {
		if strings.Contains(value, "\r\n") {
			changed[name] = "it makes a newline of a carriage return and one"
		}
	}
	return changed
}
