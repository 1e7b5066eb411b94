package dockerplugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"infisicalfs/internal/exitcode"
)

const (
	// maxProvided is what Swarm takes.
	maxProvided = 500 << 10
	// provideWithin is shorter than Swarm waits, so that the reason for a failure is
	// logged here before Swarm has given up: Swarm itself tells nobody.
	provideWithin = 30 * time.Second
)

// secretRequest is what a manager of a swarm sends for each task of a service.
type secretRequest struct {
	SecretName   string
	SecretLabels map[string]string
	ServiceName  string
	TaskName     string
}

func (r secretRequest) subject() slog.Attr {
	return slog.Group("", "secret", r.SecretName, "service", cmp.Or(r.ServiceName, r.TaskName))
}

// secretAnswer has the value's bytes, in base64. With DoNotReuse each task has a copy of
// its own; without, a new task would get what older tasks of its node have.
type secretAnswer struct {
	Value      []byte
	DoNotReuse bool
}

func (p *Plugin) secret(ctx context.Context, r secretRequest) (secretAnswer, error) {
	answer, err := p.provide(ctx, r)
	if err != nil {
		err = fmt.Errorf("the secret %q for the service %q: %w", r.SecretName, cmp.Or(r.ServiceName, r.TaskName), err)
	}
	return answer, err
}

func (p *Plugin) provide(ctx context.Context, r secretRequest) (secretAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, provideWithin)
	defer cancel()
	words, key, err := labelWords(r.SecretName, r.SecretLabels)
	if err != nil {
		return secretAnswer{}, err
	}
	value, err := p.Volumes.Secret(ctx, words, key)
	switch {
	case err != nil:
		return secretAnswer{}, err
	case value.Len() == 0:
		return secretAnswer{}, errors.New("it is empty, and Swarm takes no empty secrets")
	case value.Len() > maxProvided:
		return secretAnswer{}, exitcode.Errorf(exitcode.Other, "mount it as a volume", "it has %d bytes, and Swarm takes %d", value.Len(), maxProvided)
	}
	text := make([]byte, value.Len())
	value.CopyAt(text, 0)
	return secretAnswer{Value: text, DoNotReuse: true}, nil
}
