package keeper

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"golang.org/x/sys/unix"
)

// The words of messages.
const (
	wordOwn    = "FDSTOREOWN=1"
	wordStore  = "FDSTORE=1"
	wordRemove = "FDSTOREREMOVE=1"
	wordWait   = "WAIT=1"
	wordReady  = "READY=1"
	wordOK     = "OK=1"
	keyName    = "FDNAME="
	keyError   = "ERROR="
)

const (
	maxMessage = 1024
	maxName    = 255 // as for systemd
)

// message is a packet.
type message struct {
	words map[string]bool
	name  string
	fault string // what the other end has against what it was told
	fd    int    // the receiver's to close; negative: none came with it
}

func (m message) close() {
	if m.fd >= 0 {
		unix.Close(m.fd)
	}
}

// send sends words, one a line, and a descriptor unless that is negative.
func send(c *net.UnixConn, fd int, words ...string) error {
	var rights []byte
	if fd >= 0 {
		rights = unix.UnixRights(fd)
	}
	_, _, err := c.WriteMsgUnix([]byte(strings.Join(words, "\n")), rights, nil)
	return err
}

// errMessage is of a packet that cannot be understood. Others may follow it.
var errMessage = errors.New("that is no message")

// receive waits for a message. After an error nothing that came has to be closed.
func receive(c *net.UnixConn) (message, error) {
	text, rights := make([]byte, maxMessage), make([]byte, unix.CmsgSpace(4*4))
	n, r, flags, _, err := c.ReadMsgUnix(text, rights)
	if err != nil {
		return message{fd: -1}, err
	}
	fds, err := descriptors(rights[:r])
	if err == nil && (flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 || len(fds) > 1) {
		err = errMessage
	}
	if err != nil {
		for _, fd := range fds {
			unix.Close(fd)
		}
		return message{fd: -1}, err
	}
	m := parse(string(text[:n]))
	if len(fds) == 1 {
		m.fd = fds[0]
	}
	return m, nil
}

// parse takes the words of a message apart. Those that are not known are passed over, as sd_notify(3) has it.
func parse(text string) message {
	m := message{words: map[string]bool{}, fd: -1}
	for line := range strings.SplitSeq(text, "\n") {
		if name, ok := strings.CutPrefix(line, keyName); ok {
			m.name = name
		} else if fault, ok := strings.CutPrefix(line, keyError); ok {
			m.fault = fault
		} else {
			m.words[line] = true
		}
	}
	return m
}

func descriptors(rights []byte) (fds []int, err error) {
	if len(rights) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMessage, err)
	}
	for _, one := range messages {
		list, err := unix.ParseUnixRights(&one)
		if err != nil {
			return fds, fmt.Errorf("%w: %w", errMessage, err)
		}
		fds = append(fds, list...)
	}
	return fds, nil
}

// checkName holds a name to what systemd takes.
func checkName(name string) error {
	bad := func(r rune) bool { return r < ' ' || r > '~' || r == ':' }
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%q is no name for a descriptor", name)
	}
	return nil
}
