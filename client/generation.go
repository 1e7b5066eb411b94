package client

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"infisicalfs/secret"
)

// api is a generation of routes.
type api uint32

const (
	unknown api = iota
	current     // v4 secrets, v1 projects, v2 folders: servers since September 2025
	legacy      // v3 raw secrets, workspaces, v1 folders: all servers before
)

func (a api) String() string {
	return [...]string{"unknown", "current", "legacy"}[a]
}

// generation remembers which routes the server has. There is no version to ask
// for, so the first request tries the current ones and learns from a "no such
// route".
type generation struct{ known atomic.Uint32 }

func (g *generation) get() api { return api(g.known.Load()) }

// withRoutes runs ask with the generation that the server is known to have,
// and with the other one if the route turns out not to exist, which also
// happens when a server is upgraded or rolled back under a running mount.
func (c *Client) withRoutes(ctx context.Context, ask func(context.Context, api) error) error {
	first, second := current, legacy
	if c.generation.get() == legacy {
		first, second = legacy, current
	}
	err := ask(ctx, first)
	if !errors.Is(err, errNoRoute) {
		c.learnGeneration(first, err)
		return err
	}
	again := ask(ctx, second)
	if errors.Is(again, errNoRoute) {
		return fmt.Errorf("%s does not have Infisical's routes, is the address right? %w", c.Server(), err)
	}
	c.learnGeneration(second, again)
	return again
}

// learnGeneration remembers routes that gave an answer of their own, which
// includes a refusal but not a failure to reach the server.
func (c *Client) learnGeneration(a api, err error) {
	var refusal *APIError
	if err != nil && !(errors.As(err, &refusal) && !errors.Is(err, secret.ErrUnavailable)) {
		return
	}
	if old := api(c.generation.known.Swap(uint32(a))); old != a {
		c.log.Info("server generation", "routes", a.String(), "before", old.String())
	}
}
