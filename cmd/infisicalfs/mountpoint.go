package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"infisicalfs/internal/config"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
)

// mountpoint is where the mount is that an argument of status or unmount means: a
// name, by the rule of mount, or a directory. One that has a mount of ours is not
// looked at, since its process may be dead.
func (o *configOptions) mountpoint(arg string) (string, error) {
	if strings.Contains(arg, "/") {
		return arg, nil
	}
	files, err := o.load(os.LookupEnv)
	if err != nil {
		return "", err
	}
	if _, named := files.Mount(arg); !named {
		if isMounted(arg) {
			return arg, nil
		}
		if _, err := os.Lstat(arg); errors.Is(err, fs.ErrNotExist) {
			return "", o.nothingCalled(arg, files)
		}
	}
	what, err := resolve(files, []string{arg})
	return what.mountpoint, err
}

// nothingCalled is the error for a name that means nothing, with where it was
// looked for.
func (o *configOptions) nothingCalled(name string, files *config.Config) error {
	where := "read: " + strings.Join(files.Paths(), ", ")
	if len(files.Paths()) == 0 {
		where = noConfiguration(o.paths(os.LookupEnv))
	}
	hint, code := "'infisicalfs status' lists the mounts", exitcode.Mountpoint
	if names := files.Mounts(); len(names) > 0 {
		hint, code = choice("mounts", names, files)+"; "+hint, exitcode.Config
	}
	return &exitcode.Error{Err: fmt.Errorf("there is neither a mount nor a directory called %q; %s", name, where), Hint: hint, Code: code}
}

func isMounted(dir string) bool {
	path, err := filepath.Abs(dir)
	mounts, unknown := mounttable.List()
	return err == nil && unknown == nil && slices.ContainsFunc(mounts, func(m mounttable.Info) bool { return m.Mountpoint == path })
}
