package main

import (
	"context"
	"errors"
	"time"
)

func soak(ctx context.Context, program string, lasts time.Duration, profile string) error {
	return errors.New("later")
}
