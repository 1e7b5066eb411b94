package fs

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"infisicalfs/secret"
)

// lineWait bounds how long a change waits for those before it.
const lineWait = 90 * time.Second

// lines makes the changes of one folder happen one after the other: each looks
// at the server before it acts, and nothing of ours shall come in between.
// Readers do not wait here.
type lines struct {
	mu    sync.Mutex // guards lanes
	lanes map[secret.Dir]*lane
}

// lane is one folder's line.
type lane struct {
	turn chan struct{} // full while somebody has the turn
	used int           // by how many; guarded by lines.mu
}

// enter waits for its turn in all folders and returns how to end it.
func (l *lines) enter(ctx context.Context, dirs ...secret.Dir) (leave func(), err error) {
	// One order for everybody, so that nobody waits in a circle.
	slices.SortFunc(dirs, func(a, b secret.Dir) int { return strings.Compare(a.String(), b.String()) })
	dirs = slices.Compact(dirs)
	timeout := time.NewTimer(lineWait)
	defer timeout.Stop()
	entered := 0
	leave = func() {
		for _, dir := range dirs[:entered] {
			l.release(dir, true)
		}
	}
	for _, dir := range dirs {
		turn := l.lane(dir).turn
		select {
		case turn <- struct{}{}:
			entered++
			continue
		case <-ctx.Done():
			err = ctx.Err()
		case <-timeout.C:
			err = secret.ErrTimeout
		}
		l.release(dir, false)
		leave()
		return nil, err
	}
	return leave, nil
}

func (l *lines) lane(dir secret.Dir) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lanes == nil {
		l.lanes = make(map[secret.Dir]*lane)
	}
	if l.lanes[dir] == nil {
		l.lanes[dir] = &lane{turn: make(chan struct{}, 1)}
	}
	l.lanes[dir].used++
	return l.lanes[dir]
}

func (l *lines) release(dir secret.Dir, hadTurn bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lane := l.lanes[dir]
	if hadTurn {
		<-lane.turn
	}
	if lane.used--; lane.used == 0 {
		delete(l.lanes, dir)
	}
}
