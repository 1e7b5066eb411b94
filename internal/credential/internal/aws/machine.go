package aws

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"infisicalfs/internal/credential/internal/metadata"
	"infisicalfs/internal/exitcode"
)

const fromMachine = "the machine's role"

// fromMachine asks the metadata service for the keys of the role that the machine has.
func (s *Sources) fromMachine(ctx context.Context) (Keys, error) {
	session, err := s.Metadata.AWSSession(ctx)
	if err != nil {
		return Keys{}, none(err)
	}
	const roles = "/meta-data/iam/security-credentials/"
	answer, err := session.Get(ctx, roles)
	if err != nil {
		return Keys{}, none(err)
	}
	role, _, _ := strings.Cut(strings.TrimSpace(string(answer.Body)), "\n")
	if answer.Status == http.StatusNotFound || answer.Status == http.StatusOK && role == "" {
		return Keys{}, exitcode.Errorf(exitcode.Login, "give the machine an instance profile with a role", "%w: this machine has no role", ErrNone)
	}
	if answer.Status == http.StatusOK {
		answer, err = session.Get(ctx, roles+url.PathEscape(strings.TrimSpace(role)))
		if err != nil {
			return Keys{}, fmt.Errorf("AWS: %w", err)
		}
	}
	if answer.Status == http.StatusForbidden || answer.Status == http.StatusUnauthorized {
		return Keys{}, exitcode.Errorf(exitcode.Login, "see whether the metadata service is switched on for this machine, and whether this container may ask it (its hop limit)",
			"AWS: the metadata service refuses: status %d", answer.Status)
	}
	if answer.Status != http.StatusOK {
		return Keys{}, exitcode.Errorf(exitcode.Unreachable, "try again later", "AWS: the metadata service gives no keys: status %d", answer.Status)
	}
	return keysOfJSON(answer.Body, fromMachine)
}

// none says where keys were looked for, if the last place is not there either.
func none(err error) error {
	if !errors.Is(err, metadata.ErrAbsent) {
		return err
	}
	return exitcode.Errorf(exitcode.Login, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where there is a role",
		"%w: none in variables, profile or container, and %w", ErrNone, err)
}

// machineRegion returns where the machine is, empty if it cannot be found out.
func (s *Sources) machineRegion(ctx context.Context) string {
	session, err := s.Metadata.AWSSession(ctx)
	if err != nil {
		return ""
	}
	answer, err := session.Get(ctx, "/meta-data/placement/region")
	if err != nil || answer.Status != http.StatusOK {
		return ""
	}
	return strings.TrimSpace(string(answer.Body))
}
