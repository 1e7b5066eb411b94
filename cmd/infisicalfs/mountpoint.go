package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"infisicalfs/internal/mount"
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
	if _, named := files.Mount(arg); !named && isMounted(arg) {
		return arg, nil
	}
	what, err := resolve(files, []string{arg})
	return what.mountpoint, err
}

func isMounted(dir string) bool {
	path, err := filepath.Abs(dir)
	mounts, unknown := mount.List()
	return err == nil && unknown == nil && slices.ContainsFunc(mounts, func(m mount.Info) bool { return m.Mountpoint == path })
}
