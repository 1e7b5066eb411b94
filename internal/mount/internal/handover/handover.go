// Package handover is what two processes say to each other so that one goes on with the
// mount that the other serves, while programs use it:
//
//	the next                            the one that serves
//	Hello: versions that it reads  ──▶
//	                               ◀──  Document without handles, and the descriptor of the connection
//	(reads what the kernel knows from the server; the mount is served as before)
//	Ready                          ──▶
//	                                    (answers what it has read, and reads no more)
//	                               ◀──  Document, as it is now, and a descriptor of what is known; or Refusal
//	(serves)
//	Serving                        ──▶
//	                                    (ends)
//
// Each message is its length, four bytes, and JSON. There are names in it and no values
// and no credentials: the next process logs in itself. Values are in the memory behind the
// second descriptor only (package known). Whoever is at the other end of
// the connection, as the kernel says, is for the caller to see.
package handover

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	"golang.org/x/sys/unix"

	"infisicalfs/fs"
	"infisicalfs/internal/mount/internal/kernelstate"
	"infisicalfs/internal/mount/internal/session"
	"infisicalfs/secret"
)

// Formats are the versions of [Document] that this program reads and writes, the best
// first. A field that another version must not pass over makes a new one: 1 has no
// [Document.Estate], which is as good for mounts that are only read.
var Formats = []int{Linked, Knowing, Whole, 1}

// Whole is the format with all that a writable mount needs. In Knowing what is known goes
// along: another version would not close the descriptor. In Linked the estate has the
// generations of folders, without which links lead nowhere, and the next process knows what
// to do where the kernel opens files by itself.
const (
	Whole   = 2
	Knowing = 3
	Linked  = 4
)

// Document is what the next process has to know.
type Document struct {
	Format     int               `json:"format"`
	Connection int               `json:"connection"` // number of the FUSE connection
	Greeting   session.Greeting  `json:"greeting"`
	Kernel     kernelstate.State `json:"kernel"`
	Estate     *fs.Estate        `json:"estate,omitempty"` // of a writable mount, and of one with links

	// Since [Knowing]: what the mount shows, and whether what is known goes along and has
	// that, so that the next process needs no server to begin with.
	Root  secret.Dir `json:"root,omitzero"`
	Knows bool       `json:"knows,omitempty"`
}

// Message is one of these. The words are those of [Ready] and [Serving].
type Message struct {
	Hello    []int     `json:"hello,omitempty"` // formats that the next process reads, the best first
	Document *Document `json:"document,omitempty"`
	Refusal  *Refusal  `json:"refusal,omitempty"`
	Word     string    `json:"word,omitempty"`
}

// What the next process says when it is ready to serve, and when it does.
const (
	Ready   = "ready"
	Serving = "serving"
)

// Refusal is why the mount stays with the process that serves it.
type Refusal struct {
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
}

// Error returns why.
func (r *Refusal) Error() string { return r.Text }

// Choose returns the best format that both know, in the order of ours.
func Choose(theirs []int) (format int, ok bool) {
	for _, format := range Formats {
		if slices.Contains(theirs, format) {
			return format, true
		}
	}
	return 0, false
}

// maxMessage bounds a message. A million nodes with long names take less.
const maxMessage = 256 << 20

// Send sends a message, and a descriptor to go with it unless that is negative.
func Send(c *net.UnixConn, m Message, descriptor int) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	var rights []byte
	if descriptor >= 0 {
		rights = unix.UnixRights(descriptor)
	}
	if _, _, err := c.WriteMsgUnix(head, rights, nil); err != nil {
		return err
	}
	_, err = c.Write(text)
	return err
}

// Receive waits for a message. The descriptor that goes with it, -1 if none does, is
// the caller's to close, also after an error.
func Receive(c *net.UnixConn) (m Message, descriptor int, err error) {
	head, oob := make([]byte, 4), make([]byte, unix.CmsgSpace(4))
	n, rights, _, _, err := c.ReadMsgUnix(head, oob)
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err != nil {
		return m, -1, err
	}
	descriptor, err = received(oob[:rights])
	if err == nil {
		_, err = io.ReadFull(c, head[n:])
	}
	size := binary.BigEndian.Uint32(head)
	if err == nil && size > maxMessage {
		err = fmt.Errorf("a message of %d bytes", size)
	}
	if err != nil {
		return m, descriptor, err
	}
	text := make([]byte, size)
	if _, err = io.ReadFull(c, text); err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err == nil && m.Refusal != nil {
		err = m.Refusal
	}
	return m, descriptor, err
}

// received returns the one descriptor among rights.
func received(rights []byte) (int, error) {
	if len(rights) == 0 {
		return -1, nil
	}
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		return -1, errors.Join(err, errors.New("what goes with the message is no descriptor"))
	}
	list, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(list) != 1 {
		return -1, errors.Join(err, errors.New("what goes with the message is no descriptor"))
	}
	unix.CloseOnExec(list[0])
	return list[0], nil
}

// Await is Receive for a message with a word, or with a document.
func Await(c *net.UnixConn, word string) error {
	m, descriptor, err := Receive(c)
	if descriptor >= 0 {
		unix.Close(descriptor)
	}
	if err == nil && m.Word != word {
		err = fmt.Errorf("%q is said in the place of %q", m.Word, word)
	}
	return err
}

// Read returns the document of a message.
func Read(m Message) (*Document, error) {
	switch d := m.Document; {
	case d == nil:
		return nil, errors.New("the process that serves the mount does not say what the kernel knows of it")
	case !slices.Contains(Formats, d.Format):
		return nil, fmt.Errorf("the process that serves the mount speaks version %d, this one %d", d.Format, Formats)
	default:
		return d, nil
	}
}
