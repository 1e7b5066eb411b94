package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"infisicalfs/client/internal/transport"
	"infisicalfs/secret"
)

var _ secret.Writer = (*Client)(nil)

// change is one request that changes something, and how to find out what became
// of it if its answer does not tell.
type change struct {
	request func(transport.Routes) transport.Request
	models  []transport.Shape
	// accept checks the decoded answer. ErrProtected is a refusal; any other
	// error means that the answer does not say what was asked for.
	accept func() error
	// done asks the server whether it has what the change is for.
	done func(context.Context) (bool, error)
}

// write runs one operation of a [secret.Writer] on a folder.
func (c *Client) write(caller context.Context, dir secret.Dir, do func(context.Context, location) error) error {
	if !dir.IsFolder() {
		return fmt.Errorf("%s: only folders can be changed, not projects or environments: %w", dir, secret.ErrInvalid)
	}
	ctx, end := c.server.BeginWrite(caller)
	defer end()
	p, err := c.project(ctx, dir.Project)
	if err != nil {
		return err
	}
	return do(ctx, location{dir: dir, projectID: p.ID})
}

// perform makes a change. Its request is never sent a second time before the
// server has said that the first one had no effect: after a failure that leaves
// this open the server is asked. nil: the server has the change.
func (c *Client) perform(ctx context.Context, ch change) error {
	routes := c.server.Profile.Routes()
	if routes == transport.Unknown {
		routes = transport.Current
	}
	for again := false; ; again = true {
		err := c.sendChange(ctx, ch, routes)
		var unknown transport.OutcomeUnknown
		if !errors.As(err, &unknown) {
			return err
		}
		c.log.Info("the answer to a change does not tell what became of it, asking", "error", err)
		done, askErr := ch.done(ctx)
		switch {
		case askErr != nil:
			return fmt.Errorf("%w (whether the server has the change could not be found out: %v)", unknown.Err, askErr)
		case done:
			return nil
		case errors.Is(err, transport.ErrNoRoute) && !again && c.server.Profile.Routes() != routes:
			routes = c.server.Profile.Routes() // asking has found the server's routes
			continue
		}
		if waits, ok := errors.AsType[*notStored](unknown.Err); ok {
			return waits.waits
		}
		return unknown.Err
	}
}

func (c *Client) sendChange(ctx context.Context, ch change, routes transport.Routes) error {
	r := ch.request(routes)
	answer, err := c.server.Submit(ctx, r)
	if err != nil {
		return err
	}
	defer answer.Wipe() // there may be a value in it
	if waits := approvalIn(answer, r.Op); waits != nil {
		return waits
	}
	_, err = answer.Handle(ch.models...)
	switch {
	case errors.Is(err, transport.ErrNoKey) && strings.Contains(r.Path, "/secrets"):
		return transport.OutcomeUnknown{Err: &notStored{err, &secret.ApprovalError{Op: r.Op}}}
	case err != nil:
		return refusalOf(answer, err)
	}
	err = ch.accept()
	switch {
	case errors.Is(err, secret.ErrApproval):
		return err
	case errors.Is(err, secret.ErrProtected):
		return fmt.Errorf("%s: %w", r.Op, err)
	case err != nil:
		return transport.OutcomeUnknown{Err: fmt.Errorf("%s: %w", r.Op, err)}
	}
	return nil
}

// refusalOf tells the server's own refusals, after which nothing has changed,
// from answers that say nothing about what happened: failures of the server, and
// pages of whoever stands in between.
func refusalOf(answer *transport.Response, err error) error {
	var refusal *transport.APIError
	switch {
	case answer.Status() == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%v: %w", err, secret.ErrTooLarge)
	case answer.Status() == http.StatusRequestTimeout:
		return transport.OutcomeUnknown{Err: fmt.Errorf("%v: %w", err, secret.ErrTimeout)}
	case !errors.As(err, &refusal), errors.Is(err, transport.ErrNoRoute), answer.Status() < 400, answer.Status() >= 500:
		return transport.OutcomeUnknown{Err: err}
	}
	if refusal.Status == http.StatusBadRequest && saysProtected(refusal) {
		return transport.Reclassify(refusal, secret.ErrProtected)
	}
	return err
}

// saysProtected recognises what servers keep from being changed. There is no
// code for it; not recognised, it is an invalid request.
func saysProtected(e *transport.APIError) bool {
	text := strings.ToLower(e.Name + " " + e.Message)
	for _, word := range []string{"rotat", "honey", "protectedbypolicy"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// isBadRequest reports whether the server refused the request for a reason that
// its status does not tell, such as a name that is taken.
func isBadRequest(err error) bool {
	var refusal *transport.APIError
	return errors.As(err, &refusal) && refusal.Status == http.StatusBadRequest
}

var errOtherAnswer = fmt.Errorf("the server's answer is about something else: %w", secret.ErrUnavailable)
