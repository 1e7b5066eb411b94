package mount

import (
	"context"
	"errors"

	"infisicalfs/internal/blocking"
	"infisicalfs/internal/control"
	"infisicalfs/internal/exitcode"
)

// Rejected lists the texts that the mount at mountpoint keeps: what could not be
// sent, and old values of what was removed or replaced. The errors of this and the
// next two are *exitcode.Error.
func Rejected(ctx context.Context, mountpoint string) (texts []Text, err error) {
	return texts, askAbout(ctx, mountpoint, callRejected, nil, &texts)
}

// RejectedText returns one of them, byte for byte.
func RejectedText(ctx context.Context, mountpoint, name string) (text []byte, err error) {
	return text, askAbout(ctx, mountpoint, callGet, map[string]string{wordName: name}, &text)
}

// RemoveRejected removes one of them for good.
func RemoveRejected(ctx context.Context, mountpoint, name string) error {
	return askAbout(ctx, mountpoint, callRemove, map[string]string{wordName: name}, nil)
}

// askAbout puts a question to the process of the mount at mountpoint.
func askAbout(ctx context.Context, mountpoint, call string, words map[string]string, answer any) error {
	top, err := findOurs(ctx, mountpoint)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*blocking.LookTimeout)
	defer cancel()
	_, err = control.Ask(ctx, behind(top), call, words, answer)
	return asked(err, top.Mountpoint)
}

// asked is the error of a question as an *exitcode.Error.
func asked(err error, point string) error {
	failure, failed := errors.AsType[*control.Error](err)
	switch {
	case err == nil:
		return nil
	case failed:
		return &exitcode.Error{Err: errors.New(failure.Text), Hint: failure.Hint, Code: failure.Code}
	case errors.Is(err, control.ErrNoSocket):
		return &exitcode.Error{Err: errors.New(point + ": " + err.Error()), Hint: "ask as the user who mounted it, where its process runs; 'infisicalfs status " + point + "' says how it is", Code: exitcode.Mountpoint}
	case errors.Is(err, context.DeadlineExceeded):
		return notAnswering(point)
	}
	return exitcode.Errorf(exitcode.Mountpoint, "", "asking the process of %s: %w", point, err)
}
