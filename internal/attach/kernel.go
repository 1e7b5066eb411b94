package attach

import "fmt"

// kernelNeeds says what mounts lack on kernels before a version. What is found out by
// trying, as [CanPropagate] does, is not in it.
var kernelNeeds = []struct {
	major, minor int
	lacks        string
}{
	{5, 8, "who watches a mount (inotify) is told of dates only"},
	{6, 5, "a dead mount is replaced in containers that have it only if the mount around it is shared"},
	{6, 9, "a mount whose process is killed in the middle of a request cannot be gone on with"},
	{6, 12, "no bind with mapped owners (idmap)"},
	{6, 18, "it cannot be told which folders somebody still holds, so that all that were looked at are asked for again"},
}

// Lacking says what mounts lack on a kernel of that version, oldest first; nothing on new ones.
// Kernels of distributions may have more than their version says.
func Lacking(major, minor int) (list []string) {
	for _, need := range kernelNeeds {
		if major < need.major || major == need.major && minor < need.minor {
			list = append(list, fmt.Sprintf("before Linux %d.%d: %s", need.major, need.minor, need.lacks))
		}
	}
	return list
}
