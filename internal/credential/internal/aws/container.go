package aws

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"infisicalfs/internal/credential/internal/roundtrip"
	"infisicalfs/internal/credential/internal/tokenfile"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

const (
	relativeVariable = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
	fullVariable     = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	tokenVariable    = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
	tokenFile        = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
)

// containerWait is for an address on the same machine.
const containerWait = 2 * time.Second

// containerHosts may be asked without TLS, as may this machine: the agents of
// container services.
var containerHosts = []netip.Addr{
	netip.MustParseAddr("169.254.170.2"), netip.MustParseAddr("169.254.170.23"), netip.MustParseAddr("fd00:ec2::23"),
}

// containerAddress returns the address at which a container is given keys, empty if
// it was told none.
func (s *Sources) containerAddress() (string, error) {
	if path := s.variable(relativeVariable); path != "" {
		return "http://169.254.170.2/" + strings.TrimPrefix(path, "/"), nil
	}
	full := s.variable(fullVariable)
	if full == "" {
		return "", nil
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" {
		return "", exitcode.Errorf(exitcode.Config, "correct or unset it", "%s is no address", fullVariable)
	}
	if u.Scheme == "https" || u.Scheme == "http" && inside(u.Hostname()) {
		return full, nil
	}
	return "", exitcode.Errorf(exitcode.Config, "use https, or the address of this machine or of a container service", "%s: keys are not asked for at %s without TLS", fullVariable, net.JoinHostPort(u.Hostname(), u.Port()))
}

func inside(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && (address.IsLoopback() || slices.Contains(containerHosts, address))
}

func (s *Sources) fromContainer(ctx context.Context, address string) (Keys, error) {
	const from = "AWS_CONTAINER_CREDENTIALS"
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return Keys{}, exitcode.Errorf(exitcode.Config, "correct or unset it", "%s…_URI is no address", from)
	}
	token := secret.NewValue(s.variable(tokenVariable))
	if file := s.variable(tokenFile); file != "" { // read each time: pods' tokens rotate
		if token, err = tokenfile.Token(tokenFile, file); err != nil {
			return Keys{}, err
		}
	}
	if token.Len() > 0 {
		r.Header.Set("Authorization", token.Reveal())
	}
	r.Header.Set("Accept", "application/json")
	answer, err := roundtrip.Send(ctx, s.Container, r, containerWait)
	if err != nil {
		return Keys{}, exitcode.Errorf(exitcode.Unreachable, "see whether the container has a role", "AWS: %s does not answer: %w", r.URL.Host, err)
	}
	if answer.Status != http.StatusOK {
		return Keys{}, exitcode.Errorf(exitcode.Login, "see whether the container has a role", "AWS: %s gives no keys: %s", r.URL.Host, roundtrip.Status(answer.Status, messageOf(answer.Body)))
	}
	return keysOfJSON(answer.Body, from)
}

// keysOfJSON reads keys as containers and machines are given them.
func keysOfJSON(body []byte, from string) (Keys, error) {
	var v struct {
		Code            string // machines only
		AccessKeyId     string
		SecretAccessKey string
		Token           string
	}
	if json.Unmarshal(body, &v) != nil || v.AccessKeyId == "" || v.SecretAccessKey == "" {
		if v.Code == "" || v.Code == "Success" {
			v.Code = "the answer has no keys"
		}
		return Keys{}, exitcode.Errorf(exitcode.Login, "see whether the role may be taken here", "AWS: %s: %s", from, roundtrip.OneLine(v.Code))
	}
	return Keys{ID: v.AccessKeyId, Secret: secret.NewValue(v.SecretAccessKey), Session: secret.NewValue(v.Token), From: from}, nil
}

// messageOf returns what a refusal says, empty if it is not understood.
func messageOf(body []byte) string {
	var v struct{ Code, Message string }
	if json.Unmarshal(body, &v) != nil {
		return ""
	}
	return strings.TrimSpace(v.Code + " " + v.Message)
}
