package run

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/exitcode"
)

func findEnter() (string, error) {
	for _, name := range []string{"nsenter", "/usr/bin/nsenter"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", missing("apt install util-linux (or your system's package of that name), or run it as root", "nsenter is not installed")
}

// enter becomes nsenter, which enters the namespaces of the keeper and becomes
// this program there, which calls [Entered]. Whoever made a user namespace may
// enter it.
func enter(keeper int, path string, args, env []string) error {
	nsenter, err := findEnter()
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := syscall.Getwd() // os.Getwd wants to look at it, which one may not be allowed to
	if err != nil {
		return elsewhere(err)
	}
	through := []string{"nsenter", "--target", fmt.Sprint(keeper), "--user", "--mount", "--preserve-credentials", "--", program, path}
	return unix.Exec(nsenter, append(through, args...), append(env, enterMark+"="+dir))
}

// Entered becomes the command if enter has made this process. It returns false
// in other processes, and the command's name with an error if that could not be
// executed. The rights that come with entering a user namespace have gone with
// the exec of this program already.
func Entered() (name string, entered bool, err error) {
	dir, entered := os.LookupEnv(enterMark)
	if !entered || len(os.Args) < 3 { // our name, the path, the command's name
		return "", false, nil
	}
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, enterMark+"=") {
			env = append(env, v)
		}
	}
	name = os.Args[2]
	if err := os.Chdir(dir); err != nil {
		return name, true, elsewhere(err)
	}
	return name, true, execute(os.Args[1], os.Args[2:], env)
}

// elsewhere is for a working directory that is gone or that may not be entered.
func elsewhere(err error) error {
	return &exitcode.Error{Err: fmt.Errorf("the working directory: %w", err), Hint: "start it in another directory", Code: exitcode.Other}
}
