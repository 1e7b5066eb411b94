package mounttable

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

// byEvents is told by the kernel which mounts have come and gone (fanotify_mark(2) on a mount
// namespace, since Linux 6.14, for root only), and asks about those: what a change costs has
// nothing to do with how many mounts there are. All of them are listed at first, and after
// more changes than the kernel keeps.
type byEvents struct {
	byID        // its lists are looked at once
	group  int  // a descriptor of fanotify
	listed bool // the lists were looked at, and events have told of everything since
	buffer []byte
}

// newByEvents watches the mount namespace of this process. To be closed.
func newByEvents() (*byEvents, error) {
	group, err := unix.FanotifyInit(unix.FAN_REPORT_MNT|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	namespace, err := unix.Open("/proc/self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.FanotifyMark(group, unix.FAN_MARK_ADD|unix.FAN_MARK_MNTNS, unix.FAN_MNT_ATTACH|unix.FAN_MNT_DETACH, namespace, "")
		unix.Close(namespace) // the mark is the namespace's, and does not keep it
	}
	if err != nil {
		unix.Close(group)
		return nil, err
	}
	return &byEvents{byID: *newByID(-1), group: group, buffer: make([]byte, 4096)}, nil
}

func (c *byEvents) news() unix.PollFd { return unix.PollFd{Fd: int32(c.group), Events: unix.POLLIN} }

func (c *byEvents) close() { unix.Close(c.group) }

func (c *byEvents) look() (fewer bool, err error) {
	for {
		if !c.listed {
			c.byID = *newByID(-1)
			if _, err := c.byID.look(); err != nil {
				return false, err
			}
			c.listed, fewer = true, true
		}
		n, err := unix.Read(c.group, c.buffer)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return fewer, nil
		case err != nil:
			return false, err
		}
		c.listed = eachMount(c.buffer[:n], func(id uint64) { fewer = c.changed(id) || fewer })
	}
}

// changed asks what a mount is now that has come, gone or moved. An event may be late: the list
// may have that mount already, and it may have come and gone.
func (c *byEvents) changed(id uint64) (fewer bool) {
	switch _, known := c.mounts[id]; {
	case !known:
		c.came(id)
	case c.of(id) == 0:
		return c.gone(id)
	}
	return false
}

// Sizes and places in struct fanotify_event_metadata and what follows it there, struct
// fanotify_event_info_mnt: of linux/fanotify.h.
const (
	eventHeadSize = unix.FAN_EVENT_METADATA_LEN
	infoSize      = 16
	infoMountAt   = 8
)

// eachMount calls changed with the number of each mount that events are about, and reports
// whether these are all that there were.
func eachMount(events []byte, changed func(id uint64)) (complete bool) {
	complete = true
	for len(events) >= eventHeadSize {
		size := int(binary.NativeEndian.Uint32(events))
		if size < eventHeadSize || size > len(events) {
			return false
		}
		event := events[:size]
		events = events[size:]
		info := event[eventHeadSize:]
		if len(info) >= infoSize && info[0] == unix.FAN_EVENT_INFO_TYPE_MNT {
			changed(binary.NativeEndian.Uint64(info[infoMountAt:]))
		} else { // FAN_Q_OVERFLOW, with no mount
			complete = false
		}
	}
	return complete && len(events) == 0
}
