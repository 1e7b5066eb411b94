package secret

import "fmt"

// Denied reports whether the server keeps the value from the caller.
func (s *Secret) Denied() bool { return s.Hidden && !s.Garbled }

// Unreadable returns why there is no value, nil if there is one. It wraps
// [ErrDenied], or [ErrUnavailable] if the server's answer is at fault.
func (s *Secret) Unreadable() error {
	switch {
	case s.Garbled:
		return fmt.Errorf("the server's answer is damaged: %s: %w", s.Reason, ErrUnavailable)
	case s.Hidden:
		return fmt.Errorf("%w: the value is hidden: %s", ErrDenied, s.Reason)
	}
	return nil
}
