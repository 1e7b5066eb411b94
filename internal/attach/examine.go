package attach

import (
	"os"
)

// Examine tries what a mount needs of this machine, without mounting: it says
// how a mount would be made, or fails with an *exitcode.Error that says what is missing.
func Examine() (how string, err error) {
	if err := Possible(false); err != nil {
		return "", err
	}
	if os.Geteuid() == 0 {
		return "as root, directly", nil
	}
	how = "as a user, through fusermount3"
	if HelperConfined() {
		how += "; AppArmor lets it mount only below " + AllowedPlaces + ", unless /etc/apparmor.d/local/fusermount3 says more"
	}
	return how, nil
}
