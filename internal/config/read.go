package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxSize is far more than a person writes.
const maxSize = 1 << 20

// Read reads one file. A file that does not exist is nil; one that exists and
// cannot be read is an error, and so is one that somebody else than the process's
// user and root owns or can write to: who can change it decides who is sent the
// credentials. Errors are of type *Error.
func Read(path string, keys Keys) (*File, error) {
	whole := Position{Path: path}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, &Error{whole, reason(err), "give an absolute path"}
	}
	whole.Path = path
	text, err := read(whole)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return Parse(path, text, keys)
}

func read(whole Position) ([]byte, error) {
	const readable = "make it a file that you may read (it holds no secrets), or name another one with --config"
	file, err := os.OpenFile(whole.Path, os.O_RDONLY|unix.O_NONBLOCK, 0) // does not wait for a pipe's writer
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, &Error{whole, "cannot read the configuration: " + reason(err), readable}
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, &Error{whole, "cannot read the configuration: " + reason(err), readable}
	}
	if err := trusted(whole, info); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return nil, &Error{whole, "cannot read the configuration: " + reason(err), readable}
	}
	if len(text) > maxSize {
		return nil, &Error{whole, "is too large for a configuration file", "name the right file with --config"}
	}
	return text, nil
}

func trusted(whole Position, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return &Error{whole, "is a directory, not a configuration file", "move it away, or name a file with --config"}
	case !info.Mode().IsRegular():
		return &Error{whole, "is not a regular file", "name a file with --config; it is read more than once, which a pipe is not fit for"}
	case info.Mode().Perm()&0o022 != 0:
		return &Error{whole, "the configuration can be written by others, who could have the credentials sent to themselves", "chmod go-w " + whole.Path}
	}
	me := uint32(os.Geteuid())
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && stat.Uid != me {
		return &Error{whole, fmt.Sprintf("the configuration belongs to user %d, who could have the credentials sent to themselves", stat.Uid),
			fmt.Sprintf("chown %d %s, or name a file of your own with --config", me, whole.Path)}
	}
	return nil
}

// reason is err without the path, which is said already.
func reason(err error) string {
	if short, ok := errors.AsType[*fs.PathError](err); ok {
		err = short.Err
	}
	return err.Error()
}
