//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// subject is a directory with the files of [fileNames], whoever serves it.
type subject struct {
	name  string
	files string   // the directory
	paths []string // of each file
	serve *mounted // nil: the kernel itself
}

// The subjects, in the order of the tables. What a mount is compared with is the
// bare program that answers OPEN as it does.
const (
	onTmpfs    = "tmpfs"
	onBareKeep = "bare FUSE, cached"
	onBareDir  = "bare FUSE, direct I/O"
	onBareNone = "bare FUSE, no OPEN"
	onDefault  = "infisicalfs"
	onOff      = "infisicalfs, cache off"
	onFull     = "infisicalfs, cache full"
)

var (
	subjectNames = []string{onTmpfs, onBareNone, onFull, onBareKeep, onDefault, onBareDir, onOff}
	bareOf       = map[string]string{onDefault: onBareKeep, onOff: onBareDir, onFull: onBareNone}
)

// startSubjects starts all of them below work, which is on a tmpfs; self is this
// program, which is the bare one too. stop may be called even if it fails.
func startSubjects(work, program, self string, s *site) (subjects []*subject, stop func(), err error) {
	commands := map[string][]string{
		onBareKeep: {self, "bare", "--mode=" + bareKeep},
		onBareDir:  {self, "bare", "--mode=" + bareDirect},
		onBareNone: {self, "bare", "--mode=" + bareNone},
		onDefault:  mountCommand(program),
		onOff:      mountCommand(program, "--kernel-cache=off"),
		onFull:     mountCommand(program, "--kernel-cache=full", "--read-only"),
	}
	return startCommands(work, s, subjectNames, commands)
}

// mountCommand mounts the files; for an hour, nothing is asked again while it is timed.
func mountCommand(program string, more ...string) []string {
	return append([]string{program, "mount", "--foreground", "--project=" + project, "--ttl=1h", "--watch=off"}, more...)
}

// startCommands starts a subject for each name, by its command; without one, the
// files are written below work. stop may be called even if it fails.
func startCommands(work string, s *site, names []string, commands map[string][]string) (subjects []*subject, stop func(), err error) {
	stop = func() {
		for _, x := range subjects {
			if x.serve != nil {
				x.serve.stop()
			}
		}
	}
	for i, name := range names {
		dir := filepath.Join(work, fmt.Sprint("s", i))
		x := &subject{name: name, files: filepath.Join(dir, filesDir)}
		for i := range fileCount {
			x.paths = append(x.paths, filepath.Join(x.files, fileName(i)))
		}
		if command, ok := commands[name]; ok {
			x.serve, err = start(dir, s.environment(), command[0], command[1:]...)
		} else {
			err = x.write()
		}
		if err != nil {
			return subjects, stop, err
		}
		subjects = append(subjects, x)
	}
	return subjects, stop, nil
}

// write makes the files where there is a disk.
func (x *subject) write() error {
	if err := os.MkdirAll(x.files, 0o700); err != nil {
		return err
	}
	for i, path := range x.paths {
		if err := os.WriteFile(path, []byte(fileValue(i)), 0o600); err != nil {
			return err
		}
	}
	return nil
}
