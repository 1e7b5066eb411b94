package engines

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// image is what containers are made of, in both engines.
const image = "localhost/box:latest"

// makeRootfs makes the root of an image: busybox by all its names, inotifywait, and
// a user "app" with the number 1000.
func makeRootfs(dir string) error {
	for _, name := range []string{"bin", "etc", "proc", "sys", "dev", "tmp", "run/secrets"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"busybox", "inotifywait"} {
		if err := copyProgram(dir, name); err != nil {
			return err
		}
	}
	names, err := exec.Command("busybox", "--list").Output()
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(names)) {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte("root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n"), 0o644)
}

// copyProgram copies a program to bin, and the libraries that it wants to where it
// looks for them.
func copyProgram(dir, name string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return err
	}
	if err := copyFile(path, filepath.Join(dir, "bin", name)); err != nil {
		return err
	}
	out, _ := exec.Command("ldd", path).Output() // nothing for a static one
	for _, library := range regexp.MustCompile(`/\S+\.so\S*`).FindAllString(string(out), -1) {
		if err := copyFile(library, filepath.Join(dir, library)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o755)
}

// importImage has an engine take the image in: importer runs a command of it.
func importImage(importer func(args ...string) *exec.Cmd) error {
	archive := exec.Command("tar", "-C", filepath.Join(tmp, "image"), "-c", ".")
	pipe, err := archive.StdoutPipe()
	if err != nil {
		return err
	}
	take := importer("import", "-", image)
	take.Stdin = pipe
	if err := archive.Start(); err != nil {
		return err
	}
	if out, err := take.CombinedOutput(); err != nil {
		return fmt.Errorf("importing: %w: %s", err, out)
	}
	return archive.Wait()
}
