package mounttable

import (
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// Info is one line of the mount table about a mount of ours.
type Info struct {
	Mountpoint string
	UID        int  // who mounted it, -1 if the table does not say
	AllowOther bool // others may enter
}

// List returns the mounts of every infisicalfs that this process can see, in
// the mount table's order. It asks the kernel only, so a dead or hanging mount
// is listed like any other; ReadStatus of internal/mount tells them apart.
func List() ([]Info, error) {
	mounts, err := Read()
	if err != nil {
		return nil, err
	}
	var found []Info
	for _, m := range mounts {
		if Ours(m) {
			found = append(found, Describe(m))
		}
	}
	return found, nil
}

// Describe reads the options that the kernel's fuse shows for a superblock:
// "rw,user_id=1000,group_id=1000,default_permissions,allow_other".
func Describe(m *mountinfo.Info) Info {
	info := Info{Mountpoint: m.Mountpoint, UID: -1}
	for option := range strings.SplitSeq(m.VFSOptions, ",") {
		if id, ok := strings.CutPrefix(option, "user_id="); ok {
			if uid, err := strconv.Atoi(id); err == nil {
				info.UID = uid
			}
		}
		if option == "allow_other" {
			info.AllowOther = true
		}
	}
	return info
}
