// Package dbustest plays the other end of D-Bus connections, for tests: that of a bus, or
// of a program that is talked to without one.
//
//	server := dbustest.Server{Listener: listener, Answer: func(question *dbus.Message) *dbus.Message {
//		return dbustest.Reply(question, "an answer")
//	}}
//	server.Serve() // until the listener is closed
package dbustest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"
)

// Server answers questions.
type Server struct {
	Listener net.Listener
	// Answer returns what is said to a question, nil for one that gets no answer. It is
	// called from a goroutine for each connection.
	Answer func(question *dbus.Message) *dbus.Message
	// Stalls: what comes together with the end of the greeting is only looked at when
	// more comes, as systemd does.
	Stalls bool
}

// Serve answers until the listener is closed. No connection is open when it returns.
func (s *Server) Serve() {
	var group sync.WaitGroup
	var open []net.Conn
	for {
		c, err := s.Listener.Accept()
		if err != nil {
			break
		}
		open = append(open, c)
		group.Go(func() { s.talk(c) })
	}
	for _, c := range open {
		c.Close()
	}
	group.Wait()
}

func (s *Server) talk(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	if !greet(in, c) {
		return
	}
	if early := in.Buffered(); s.Stalls && early > 0 {
		if _, err := in.Peek(early + 1); err != nil {
			return
		}
	}
	for serial := uint32(1); ; serial++ {
		question, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		reply := s.Answer(question)
		if reply == nil {
			continue
		}
		var text bytes.Buffer
		if err := reply.EncodeTo(&text, binary.LittleEndian); err != nil {
			return
		}
		binary.LittleEndian.PutUint32(text.Bytes()[8:], serial) // for which the library has no way
		if _, err := c.Write(text.Bytes()); err != nil {
			return
		}
	}
}

// greet is the part of the protocol that is in lines.
func greet(in *bufio.Reader, out io.Writer) bool {
	if zero, err := in.ReadByte(); err != nil || zero != 0 {
		return false
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		answer := "ERROR"
		switch line = strings.TrimSpace(line); {
		case line == "BEGIN":
			return true
		case line == "AUTH":
			answer = "REJECTED EXTERNAL"
		case line == "AUTH EXTERNAL":
			answer = "DATA"
		case strings.HasPrefix(line, "DATA"):
			answer = "OK 0123456789abcdef0123456789abcdef"
		}
		if _, err := io.WriteString(out, answer+"\r\n"); err != nil {
			return false
		}
	}
}

// Member is which method a question calls.
func Member(question *dbus.Message) string {
	member, _ := question.Headers[dbus.FieldMember].Value().(string)
	return member
}

// Reply is the answer to a question that succeeds.
func Reply(question *dbus.Message, body ...any) *dbus.Message {
	reply := answerTo(question, dbus.TypeMethodReply)
	reply.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
	reply.Body = body
	return reply
}

// Fail is the answer to a question that fails with the error of that name.
func Fail(question *dbus.Message, name string) *dbus.Message {
	reply := answerTo(question, dbus.TypeError)
	reply.Headers[dbus.FieldErrorName] = dbus.MakeVariant(name)
	return reply
}

// UnknownMethod is the error's name for a method that there is not.
const UnknownMethod = "org.freedesktop.DBus.Error.UnknownMethod"

func answerTo(question *dbus.Message, kind dbus.Type) *dbus.Message {
	return &dbus.Message{Type: kind, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldReplySerial: dbus.MakeVariant(question.Serial()),
	}}
}
