package metadata

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"infisicalfs/internal/credential/internal/roundtrip"
)

const (
	tokenHeader     = "X-Aws-Ec2-Metadata-Token"
	tokenLifeHeader = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
	tokenLife       = "300" // seconds; a session takes one
)

// AWSSession asks the service of AWS with a token of its second version.
type AWSSession struct {
	client *Client
	token  string // empty: the first version, which has none
}

// AWSSession begins a session. Services that have no tokens are asked without
// one; so are those from which no token arrives, which is so in containers (the
// answer may make one hop only), unless AWS_EC2_METADATA_V1_DISABLED forbids it. That
// costs a second first.
func (c *Client) AWSSession(ctx context.Context) (*AWSSession, error) {
	if c.isSet("AWS_EC2_METADATA_DISABLED", "true") {
		return nil, fmt.Errorf("AWS: %w: AWS_EC2_METADATA_DISABLED forbids to ask", ErrAbsent)
	}
	s := &AWSSession{client: c}
	answer, err := c.Ask(ctx, AWS, http.MethodPut, "/latest/api/token", http.Header{tokenLifeHeader: {tokenLife}})
	switch {
	case err == nil && answer.Status == http.StatusOK:
		s.token = string(answer.Body)
		return s, nil
	case err == nil && answer.Status != http.StatusForbidden && answer.Status != http.StatusNotFound && answer.Status != http.StatusMethodNotAllowed:
		return nil, fmt.Errorf("the metadata service of AWS gives no token: status %d", answer.Status)
	case err != nil && (!errors.Is(err, roundtrip.ErrTimeout) || ctx.Err() != nil):
		return nil, err
	case c.isSet("AWS_EC2_METADATA_V1_DISABLED", "true"):
		if err == nil {
			err = fmt.Errorf("AWS: %w that has tokens (AWS_EC2_METADATA_V1_DISABLED is set)", ErrAbsent)
		}
		return nil, err
	}
	return s, nil
}

// Get returns what the service has at the path, below /latest.
func (s *AWSSession) Get(ctx context.Context, path string) (roundtrip.Answer, error) {
	header := http.Header{}
	if s.token != "" {
		header.Set(tokenHeader, s.token)
	}
	return s.client.Ask(ctx, AWS, http.MethodGet, "/latest"+path, header)
}
