// Package folderqueue makes the changes of one folder happen one after the
// other.
//
// A change looks at the server before it acts: whether a name is taken, which
// version an update is based on, whether a folder is empty. Nothing else of ours
// shall come in between. So whoever changes a folder takes the folder's turn
// first, and a change that concerns two folders (a move) takes both. Readers do
// not wait here.
package folderqueue

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"infisicalfs/secret"
)

// Limit bounds how long a change waits for those before it.
const Limit = 90 * time.Second

// Queue has one queue for each folder that somebody changes, and nothing for the
// others. The zero value is ready to use.
type Queue struct {
	mu      sync.Mutex // guards folders and their users; nobody waits under it
	folders map[secret.Dir]*folder
}

// folder is the queue of one folder.
type folder struct {
	turn  chan struct{} // full while somebody has the turn; who waits is served in order
	users int           // who has the turn, and who waits for it
}

// Enter waits for the caller's turn in all dirs at once and returns how to end
// it, which may be called any number of times. Who has a turn must not ask for
// another of the same folder.
//
// The error is that of ctx, or [secret.ErrTimeout] after [Limit]; then the
// caller has no turn anywhere.
func (q *Queue) Enter(ctx context.Context, dirs ...secret.Dir) (leave func(), err error) {
	// One order for everybody, so that nobody waits in a circle.
	dirs = slices.Clone(dirs)
	slices.SortFunc(dirs, compare)
	dirs = slices.Compact(dirs)

	timeout := time.NewTimer(Limit)
	defer timeout.Stop()
	entered := 0
	leave = sync.OnceFunc(func() {
		for _, dir := range dirs[:entered] {
			q.release(dir, true)
		}
	})
	for _, dir := range dirs {
		turn := q.join(dir)
		select {
		case turn <- struct{}{}:
			entered++
			continue
		case <-ctx.Done():
			err = ctx.Err()
		case <-timeout.C:
			err = fmt.Errorf("%w: an earlier change of %s has not ended", secret.ErrTimeout, dir)
		}
		q.release(dir, false)
		leave()
		return nil, err
	}
	return leave, nil
}

// Len returns how many have the turn of dir or wait for it.
func (q *Queue) Len(dir secret.Dir) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if f := q.folders[dir]; f != nil {
		return f.users
	}
	return 0
}

// join counts the caller as a user of dir's queue and returns what has to be
// filled to have the turn.
func (q *Queue) join(dir secret.Dir) (turn chan<- struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.folders == nil {
		q.folders = make(map[secret.Dir]*folder)
	}
	f := q.folders[dir]
	if f == nil {
		f = &folder{turn: make(chan struct{}, 1)}
		q.folders[dir] = f
	}
	f.users++
	return f.turn
}

// release is the opposite of join. The last user takes the queue away.
func (q *Queue) release(dir secret.Dir, hadTurn bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f := q.folders[dir]
	if hadTurn {
		<-f.turn
	}
	if f.users--; f.users == 0 {
		delete(q.folders, dir)
	}
}

func compare(a, b secret.Dir) int {
	return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Env, b.Env), cmp.Compare(a.Path, b.Path))
}
