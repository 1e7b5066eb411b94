package run

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
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
	dir, err := os.Getwd()
	if err != nil {
		dir = "/" // it is gone
	}
	through := []string{"nsenter", "--target", fmt.Sprint(keeper), "--user", "--mount", "--preserve-credentials", "--", program, path}
	return unix.Exec(nsenter, append(through, args...), append(env, enterMark+"="+dir))
}

// Entered becomes the command if this process is one that enter made. Else it
// returns false, and in case of an error its name as well. The rights in the
// namespace, which come with entering it, have gone with the exec already.
func Entered() (name string, entered bool, err error) {
	dir, entered := os.LookupEnv(enterMark)
	if !entered || len(os.Args) < 3 {
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
		return name, true, err
	}
	return name, true, execute(os.Args[1], os.Args[2:], env)
}
