package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// ways are how files get into a folder; each is a shell command that is run in it
// and has the files in $SRC, which are private ($SRC/fill is a script that writes
// them one by one). The working directory is the folder.
var ways = []struct{ name, run string }{
	{"redirection", `. "$SRC/../fill"`},
	{"cp", `cp -p "$SRC"/* .`},
	{"mv", `mv "$SRC"/* .`},
	{"install", `install -m600 "$SRC"/* .`},
	{"tar", `tar -cf - -C "$SRC" . | tar -xf - -C .`},
}

// Names of people's secrets are never taken for a program's temporary file, in
// whatever way they get there and whatever the mode of the mount: all are listed at
// once, nearly all are on the server when the program ends, and the rest follow
// about half a second later (-v tells). In CI each name comes in
// one way to one mount, once into a folder of thirty and once into one of hundreds;
// with NAMES=all in all ways to all mounts.
func TestNaturalNamesAreSecrets(t *testing.T) {
	t.Parallel()
	names := naturalNames(2000)
	all := os.Getenv("NAMES") == "all"
	for i, flags := range [][]string{nil, {"--mode=0600"}, {"--allow-other", "--mode=0644", "--dir-mode=0755"}} {
		t.Run(strings.Join(append([]string{"mount"}, flags...), " "), func(t *testing.T) {
			t.Parallel()
			crowd := map[string]string{} // folder of many: in each way some
			var folders []string
			parts := map[string][]string{} // by folder
			for j, way := range ways {
				mine := names
				if !all {
					mine = share(share(names, i, 3), j, len(ways))
				}
				n := 0
				for chunk := range slices.Chunk(mine, 30) {
					folder := fmt.Sprintf("%s%d", way.name, n)
					folders, parts[folder] = append(folders, folder), chunk
					n++
				}
				crowd[way.name] = "many"
				if all {
					crowd[way.name] = "many-" + way.name
				}
				if !slices.Contains(folders, crowd[way.name]) {
					folders = append(folders, crowd[way.name])
				}
			}
			d := newDesk(t, devserver.Current, folders, flags...)
			for j, way := range ways {
				mine := names
				if !all {
					mine = share(share(names, i, 3), j, len(ways))
				}
				n := 0
				for chunk := range slices.Chunk(mine, 30) {
					d.bring(t, way.run, fmt.Sprintf("%s%d", way.name, n), chunk)
					n++
				}
				d.bring(t, way.run, crowd[way.name], mine)
			}
		})
	}
}

// slack is how long the last may take on a machine with better things to do.
const slack = 10 * time.Second

// share is the i-th of n parts of a list.
func share(list []string, i, n int) []string {
	return list[len(list)*i/n : len(list)*(i+1)/n]
}

// bring gets files of these names into a folder and looks for them on the server.
func (d *desk) bring(t *testing.T, run, folder string, names []string) {
	t.Helper()
	dir := t.TempDir()
	src := filepath.Join(dir, "src")
	require.NoError(t, os.Mkdir(src, 0o700))
	var fill strings.Builder
	for _, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(src, name), []byte("value of "+name), 0o600))
		fmt.Fprintf(&fill, "printf 'value of %s' > '%s'\n", name, name)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "fill"), []byte(fill.String()), 0o600))
	cmd := shell(d.at(folder), `set -e; `+run)
	cmd.Env = append(os.Environ(), "SRC="+src)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", run, out)
	require.Empty(t, string(out), run)

	ended := time.Now()
	var missing, early []string
	for first := true; ; first = false {
		missing = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return d.has(folder+"/"+name, "value of "+name) })
		if first {
			early = missing
		}
		if len(missing) == 0 || time.Since(ended) > slack {
			break
		}
	}
	require.Empty(t, missing, "%s after %q these are not on the server", slack, run)
	if len(early) > 0 {
		t.Logf("%s, %d names: %q were on the server %s after the end", run, len(names), early, time.Since(ended).Round(time.Millisecond))
	}
	// A name that is another's with a tail of six letters, say, may be a temporary
	// file of a program that runs; its end shows that it is none.
	require.LessOrEqual(t, len(early), 2+len(names)/10, "few wait for their maker's end: %q", early)
	list, err := os.ReadDir(d.at(folder))
	require.NoError(t, err)
	var listed []string
	for _, entry := range list {
		listed = append(listed, entry.Name())
	}
	for _, name := range names {
		require.Contains(t, listed, name)
	}
}
