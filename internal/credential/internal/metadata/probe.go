package metadata

import (
	"context"
	"net/http"
	"slices"
	"sync"
)

// Probe asks the services of these clouds, all at once, whether they are there, and
// returns those that are, in the order given. It takes a second at most. A cloud that
// has answered before is not asked.
func (c *Client) Probe(ctx context.Context, clouds ...Cloud) []Cloud {
	here := make([]bool, len(clouds))
	var all sync.WaitGroup
	for i, cloud := range clouds {
		if here[i] = c.known(cloud); here[i] {
			continue
		}
		all.Go(func() { here[i] = c.probe(ctx, cloud) })
	}
	all.Wait()
	var list []Cloud
	for i, cloud := range clouds {
		if here[i] && !slices.Contains(list, cloud) {
			list = append(list, cloud)
		}
	}
	return list
}

func (c *Client) probe(ctx context.Context, cloud Cloud) bool {
	switch cloud {
	case AWS:
		// In a container of theirs no token arrives, but whatever has no token is told so.
		answer, err := c.Ask(ctx, AWS, http.MethodGet, "/latest/meta-data/", nil)
		return err == nil && (answer.Status == http.StatusOK || answer.Status == http.StatusUnauthorized)
	case GCP:
		answer, err := c.Ask(ctx, GCP, http.MethodGet, "/computeMetadata/v1/instance/id", nil)
		return err == nil && answer.Status == http.StatusOK
	case Azure:
		// Its service refuses whoever does not send its header.
		answer, err := c.Ask(ctx, Azure, http.MethodGet, "/metadata/identity/oauth2/token?api-version=2018-02-01", nil)
		return err == nil && answer.Status == http.StatusBadRequest
	}
	return false
}
