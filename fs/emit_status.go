package fs

import (
	"errors"
	"syscall"
)

// NotifyCounts say how watchers are told of changes that others made. Numbers
// are since the start.
type NotifyCounts struct {
	Mode    Notify `json:"mode"`             // as asked for
	InForce Notify `json:"in_force"`         // as far as owner and modes let it
	Reason  string `json:"reason,omitempty"` // why they differ
	Told    uint64 `json:"told"`             // names that watchers were told of
	Failed  uint64 `json:"failed"`           // names that they could not be told of
	Error   string `json:"error,omitempty"`  // why, the last time
}

func (f *FS) notifyCounts() *NotifyCounts {
	if f.cfg.Notify == "" {
		return nil
	}
	c := &NotifyCounts{Mode: f.cfg.Notify, InForce: f.inForce(), Told: f.emitter.told.Load(), Failed: f.emitter.failed.Load()}
	switch {
	case c.InForce == c.Mode:
	case f.cfg.EmitThread == nil:
		c.Reason = "there is no mount to do it through"
	case c.InForce == NotifyOff:
		c.Reason = "the files belong to another user"
	default:
		c.Reason = "the files and directories are not writable for their owner"
	}
	if text := f.emitter.lastError.Load(); text != nil {
		c.Error = *text
	}
	return c
}

// report counts an event.
func (f *FS) report(p *event, err error) {
	switch {
	case err == nil:
		f.emitter.told.Add(1)
	case errors.Is(err, syscall.ENOTCONN): // nobody watches what is no longer mounted
	default:
		f.emitter.failed.Add(1)
		text := err.Error()
		f.emitter.lastError.Store(&text)
		f.log.Debug("watchers were not told", "dir", p.dir.String(), "name", p.shown, "error", err)
	}
}
