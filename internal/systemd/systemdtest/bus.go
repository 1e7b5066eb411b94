//go:build linux

package systemdtest

import (
	"github.com/godbus/dbus/v5"

	"infisicalfs/internal/dbustest"
)

// accept answers questions until the socket is closed, as systemd's own socket does:
// D-Bus without a bus.
func (m *Manager) accept() {
	(&dbustest.Server{Listener: m.private, Answer: m.answer, Stalls: true}).Serve()
}

const (
	unitPath dbus.ObjectPath = "/org/freedesktop/systemd1/unit/test"
	jobPath  dbus.ObjectPath = "/org/freedesktop/systemd1/job/7"
)

func (m *Manager) answer(question *dbus.Message) *dbus.Message {
	member, property := dbustest.Member(question), ""
	if member == "Get" {
		property, _ = question.Body[1].(string)
	}
	stored := 0
	if property == "NFileDescriptorStore" { // counting takes its time, and there may be many questions
		stored = len(m.Stored())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mute {
		return nil
	}
	var body any
	switch member {
	case "GetUnitByPID":
		body = unitPath
	case "Get":
		switch property {
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
	if body == nil {
		return dbustest.Fail(question, dbustest.UnknownMethod)
	}
	return dbustest.Reply(question, body)
}
