package mount

import "os"

// Examine tries what a mount needs of this machine, without mounting: it says
// how a mount would be made, or fails with an *Error that says what is missing.
func Examine() (how string, err error) {
	if err := attachable(false); err != nil {
		return "", err
	}
	if os.Geteuid() == 0 {
		return "as root, directly", nil
	}
	return "as a user, through fusermount3", nil
}
