package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rows are all readers, in the order of the page.
func rows() []reader {
	return slices.Concat(nodeRows, goRows, pythonRows, otherRows, shellRows, elsewhereRows)
}

// script is a reader that a file of testdata/readers has read: it is told which one and,
// of each file, the file and a directory where the file is called .env.
func script(reader string, command ...string) func(t *testing.T, files []string) []reading {
	return func(t *testing.T, files []string) []reading {
		t.Helper()
		if len(files) == 0 {
			return nil
		}
		args := slices.Concat(command[1:], []string{reader})
		for _, file := range files {
			args = append(args, file, as(t, file))
		}
		out, _ := outputs(t, "", command[0], args...)
		// A reader may have printed something before.
		lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
		var said []struct {
			Values map[string]any
			Error  string
		}
		require.NoError(t, json.Unmarshal(lines[len(lines)-1], &said))
		var all []reading
		for _, s := range said {
			if s.Error != "" {
				all = append(all, reading{err: errors.New(s.Error)})
				continue
			}
			all = append(all, reading{values: texts(s.Values)})
		}
		return all
	}
}

// texts are values that are text: another one is what JSON makes of it.
func texts(values map[string]any) map[string]string {
	m := map[string]string{}
	for name, value := range values {
		if text, ok := value.(string); ok {
			m[name] = text
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			panic(err)
		}
		m[name] = "not text: " + string(text)
	}
	return m
}

// version is how a reader's version is found, and whether this tree pins it: of others a
// newer one is no failure.
type version struct {
	pinned bool
	find   func(t *testing.T) string
}

// npm is the version of a module that npm has installed.
func npm(module string) version {
	return version{true, func(t *testing.T) string {
		text, err := os.ReadFile(filepath.Join(nodeModules(t), module, "package.json"))
		require.NoError(t, err)
		var pkg struct{ Version string }
		require.NoError(t, json.Unmarshal(text, &pkg))
		return pkg.Version
	}}
}

// goModule is the version of a module of Go in go.mod.
func goModule(module string) version {
	return version{true, func(t *testing.T) string {
		gomod, err := os.ReadFile("go.mod")
		require.NoError(t, err)
		found := regexp.MustCompile(`(?m)^\s` + regexp.QuoteMeta(module) + ` v(\S+)`).FindSubmatch(gomod)
		require.NotNil(t, found, module)
		return strings.TrimSuffix(string(found[1]), "+incompatible")
	}}
}

// debian is the version of a package of Debian's, as its authors number it.
func debian(name string) version {
	return version{false, func(t *testing.T) string {
		out, err := exec.Command("dpkg-query", "-W", "-f", "${source:Upstream-Version}", name).Output()
		if err != nil {
			lacks(t, "package "+name)
		}
		text, _, _ := strings.Cut(string(out), "+")
		return text
	}}
}

// says is the first number that a program says of its version.
func says(program string, args ...string) version {
	return version{false, func(t *testing.T) string {
		needs(t, program)
		out, err := exec.Command(program, args...).CombinedOutput()
		require.NoError(t, err)
		return regexp.MustCompile(`\d+(\.\d+)*`).FindString(string(out))
	}}
}
