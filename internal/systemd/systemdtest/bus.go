//go:build linux

package systemdtest

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

// accept answers questions until the socket is closed.
func (m *Manager) accept() {
	var group sync.WaitGroup
	var open []net.Conn
	for {
		c, err := m.private.AcceptUnix()
		if err != nil {
			break
		}
		open = append(open, c)
		group.Go(func() { m.answerAll(c) })
	}
	for _, c := range open {
		c.Close()
	}
	group.Wait()
}

// answerAll talks as systemd's own socket does: D-Bus without a bus.
func (m *Manager) answerAll(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	if !greet(in, c) {
		return
	}
	// What systemd has read together with the end of the greeting waits for more.
	if early := in.Buffered(); early > 0 {
		if _, err := in.Peek(early + 1); err != nil {
			return
		}
	}
	for serial := uint32(1); ; serial++ {
		question, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		m.mu.Lock()
		mute := m.mute
		m.mu.Unlock()
		if mute {
			continue
		}
		reply := m.answer(question)
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

const (
	unitPath dbus.ObjectPath = "/org/freedesktop/systemd1/unit/test"
	jobPath  dbus.ObjectPath = "/org/freedesktop/systemd1/job/7"
)

func (m *Manager) answer(question *dbus.Message) *dbus.Message {
	member, _ := question.Headers[dbus.FieldMember].Value().(string)
	stored := len(m.Stored())
	m.mu.Lock()
	defer m.mu.Unlock()
	var body any
	switch member {
	case "GetUnitByPID":
		body = unitPath
	case "Get":
		switch name, _ := question.Body[1].(string); name {
		case "Id":
			body = dbus.MakeVariant(Unit)
		case "NFileDescriptorStore":
			body = dbus.MakeVariant(uint32(stored))
		case "JobType":
			body = dbus.MakeVariant(m.job)
		case "Job":
			job := struct {
				ID   uint32
				Path dbus.ObjectPath
			}{0, "/"}
			if m.job != "" {
				job.ID, job.Path = 7, jobPath
			}
			body = dbus.MakeVariant(job)
		}
	}
	reply := &dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldReplySerial: dbus.MakeVariant(question.Serial()),
	}}
	if body == nil {
		reply.Type = dbus.TypeError
		reply.Headers[dbus.FieldErrorName] = dbus.MakeVariant("org.freedesktop.DBus.Error.UnknownMethod")
		return reply
	}
	reply.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body))
	reply.Body = []any{body}
	return reply
}
