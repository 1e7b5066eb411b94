//go:build !linux

package systemd

func tell(string, int) error { return ErrNoManager }
