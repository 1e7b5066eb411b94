package metadata

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"infisicalfs/internal/credential/internal/roundtrip"
)

const (
	// firstWait is how long a service may take that has not answered yet. It is one
	// hop away.
	firstWait = time.Second
	// laterWait is for one that is known to be there.
	laterWait = 5 * time.Second
	// tries are made of one that is known to be there and says that it cannot now.
	tries = 3
	// pause between them.
	pause = 300 * time.Millisecond
)

// ErrAbsent is wrapped by errors that mean: no such service is here. It answered
// never, or something else answers at its address.
var ErrAbsent = errors.New("no metadata service")

// Config says where a [Client] looks. Lookup is needed.
type Config struct {
	Lookup    func(name string) (string, bool) // the environment
	DMI       string                           // the directory with what the firmware says; empty: Linux's
	Transport http.RoundTripper                // empty: direct connections
}

// Client asks metadata services. It is safe for concurrent use.
type Client struct {
	cfg Config

	mu      sync.Mutex     // guards reached; never held while asking
	reached map[Cloud]bool // who has answered once
}

// New returns a client. It asks nobody yet.
func New(cfg Config) *Client {
	if cfg.DMI == "" {
		cfg.DMI = "/sys/class/dmi/id"
	}
	if cfg.Transport == nil {
		cfg.Transport = roundtrip.Direct()
	}
	return &Client{cfg: cfg, reached: map[Cloud]bool{}}
}

// Address returns the beginning of the URLs of a cloud's service: what its own clients
// take from the environment, else its number.
func (c *Client) Address(cloud Cloud) string {
	address := "http://169.254.169.254"
	switch cloud {
	case AWS:
		if c.isSet("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv6") {
			address = "http://[fd00:ec2::254]"
		}
		if named := c.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT"); named != "" {
			address = named
		}
	case GCP:
		if host := c.variable("GCE_METADATA_HOST"); host != "" {
			address = "http://" + host
		}
	case Azure:
		if named := c.variable("AZURE_POD_IDENTITY_AUTHORITY_HOST"); named != "" {
			address = named
		}
	}
	return strings.TrimRight(address, "/")
}

// Ask asks a cloud's service for a path, with a query if it has one. The answer has
// any status and is known to be the service's. An error wraps [ErrAbsent] unless the
// service has answered before or the context ended.
func (c *Client) Ask(ctx context.Context, cloud Cloud, method, path string, header http.Header) (roundtrip.Answer, error) {
	r, err := http.NewRequest(method, c.Address(cloud)+path, nil)
	if err != nil {
		return roundtrip.Answer{}, fmt.Errorf("the address of the metadata service of %s is not valid: %w", cloud, ErrAbsent)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if cloud == GCP {
		r.Header.Set("Metadata-Flavor", "Google")
	}
	if !c.known(cloud) {
		answer, err := c.send(ctx, cloud, r, firstWait)
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%s: %w at %s: %w", cloud, ErrAbsent, r.URL.Host, err)
		}
		return answer, err
	}
	return c.insist(ctx, cloud, r)
}

// insist asks a service that is known to be there, and again if it cannot answer now:
// metadata services limit how often they are asked, and are restarted.
func (c *Client) insist(ctx context.Context, cloud Cloud, r *http.Request) (answer roundtrip.Answer, err error) {
	for try := range tries {
		if try > 0 {
			select {
			case <-time.After(pause << try):
			case <-ctx.Done():
				return roundtrip.Answer{}, context.Cause(ctx)
			}
		}
		answer, err = c.send(ctx, cloud, r, laterWait)
		if err == nil && answer.Status != http.StatusTooManyRequests && answer.Status < 500 {
			return answer, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		err = fmt.Errorf("the metadata service of %s: %w", cloud, err)
	}
	return answer, err
}

// send asks once and notes who answered. A refusal is no proof of being there, but
// for services that show it: whatever is there instead can refuse too.
func (c *Client) send(ctx context.Context, cloud Cloud, r *http.Request, within time.Duration) (roundtrip.Answer, error) {
	answer, err := roundtrip.Send(ctx, c.cfg.Transport, r, within)
	if err != nil {
		return roundtrip.Answer{}, err
	}
	if !genuine(cloud, r, answer) {
		return roundtrip.Answer{}, errors.New("something else answers there")
	}
	if answer.Status == http.StatusOK || cloud == GCP {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.reached[cloud] = true
	}
	return answer, nil
}

func (c *Client) known(cloud Cloud) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reached[cloud]
}

// genuine reports whether the answer can be the service's. None of them sends web pages.
func genuine(cloud Cloud, r *http.Request, a roundtrip.Answer) bool {
	switch {
	case a.Status >= 300 && a.Status < 400:
		return false
	case cloud == GCP:
		return a.Header.Get("Metadata-Flavor") == "Google"
	case a.Status != http.StatusOK:
		return true
	case cloud == AWS && r.Method == http.MethodPut:
		return a.Header.Get(tokenLifeHeader) != ""
	default:
		return !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html")
	}
}
