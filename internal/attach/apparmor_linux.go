package attach

import (
	"os"
	"strings"

	"infisicalfs/internal/exitcode"
)

// Confinement is AppArmor's profile for fusermount3, on machines that have one.
const Confinement = "/etc/apparmor.d/fusermount3"

// AllowedPlaces is where such a profile lets users mount.
const AllowedPlaces = "$HOME, /mnt, /media, /tmp and $XDG_RUNTIME_DIR"

// HelperConfined reports whether the machine has that profile. Whether it is in
// force only root could tell.
func HelperConfined() bool {
	_, err := os.Stat(Confinement)
	return err == nil
}

// confined is the error for a mount that fusermount3 was not allowed to make by
// the kernel, if that may be AppArmor's doing, else nil. The helper's own words
// are the same as for any other reason: "mount failed: Permission denied". Its
// own checks of the mountpoint have other words.
func confined(words error, point string) error {
	if !HelperConfined() || !strings.Contains(words.Error(), "mount failed: Permission denied") {
		return nil
	}
	rule := strings.TrimSuffix(point, "/") + "/"
	return exitcode.Errorf(exitcode.FUSE, "mount below one of them, or as root add to /etc/apparmor.d/local/fusermount3 the lines 'mount fstype=@{fuse_types} options=(nosuid,nodev) options in (rw,noexec) -> "+
		rule+",' and 'umount "+rule+",', and run: apparmor_parser -r "+Confinement,
		"%w: AppArmor lets fusermount3 mount only below %s, and %s may be elsewhere", words, AllowedPlaces, point)
}
