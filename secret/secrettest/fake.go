// Package secrettest has what tests of other packages need of package secret: a
// scripted server in memory ([Fake]) and the conformance test that every [secret.Source]
// must pass ([TestSource]).
//
//	fake := secrettest.NewFake()
//	fake.Set(dir, "GREETING", "hello")
//	source := mine.New(fake)
//	secrettest.TestSource(t, source, secrettest.Known{Dir: dir, Name: "GREETING", Value: "hello", Missing: dir.Child("missing")})
//	fake.FailAll(secret.ErrUnavailable) // from now on
//	require.Len(t, fake.Requests(), 3)
//
// Time is that of the test's bubble (testing/synctest): a Fake that delays or hangs
// needs no sleep.
package secrettest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"infisicalfs/secret"
)

// Fake is a [secret.Upstream] in memory that does what the test tells it to:
// answer, refuse, dawdle or hang. It is safe for concurrent use.
//
// What a request will be answered is decided when it arrives; [Fake.Delay] only
// keeps the answer back. So a test can change the server while an answer is on
// its way.
type Fake struct {
	mu sync.Mutex // guards everything below

	dirs         map[secret.Dir]*content
	ids          int // source of ids and revisions
	faults       map[secret.Dir]error
	fault        error // for every request
	delay        time.Duration
	release      chan struct{} // not nil: requests hang until it is closed
	inexact      bool
	flat         bool
	listsFolders bool
	crowded      bool
	requests     []Request

	writeFaults map[Kind]writeFault
	before      func(Request) // called before each request of a FakeWriter
}

// content is one directory of the Fake.
type content struct {
	secrets  map[string]secret.Secret // its own
	imported map[string]secret.Secret
	raw      map[string]string // stored values that are shown otherwise
	folders  map[string]secret.Subfolder
	revision int
}

var _ secret.Upstream = (*Fake)(nil)

// NewFake returns a server without any project.
func NewFake() *Fake {
	return &Fake{
		dirs:        map[secret.Dir]*content{{}: newContent()},
		faults:      map[secret.Dir]error{},
		writeFaults: map[Kind]writeFault{},
	}
}

func newContent() *content {
	return &content{
		secrets: map[string]secret.Secret{}, imported: map[string]secret.Secret{},
		raw: map[string]string{}, folders: map[string]secret.Subfolder{},
	}
}

// Folder implements [secret.Source]: it asks each time.
func (f *Fake) Folder(ctx context.Context, dir secret.Dir, _ secret.Need) (*secret.Folder, error) {
	return f.Fetch(ctx, dir, nil)
}

// Fetch implements [secret.Upstream]. A known snapshot of the current revision
// is answered as "not modified".
func (f *Fake) Fetch(ctx context.Context, dir secret.Dir, known *secret.Folder) (*secret.Folder, error) {
	var folder *secret.Folder
	err := f.serve(ctx, Request{Kind: KindFetch, Dir: dir, Known: known}, func() (err error) {
		folder, err = f.fetch(dir, known)
		return err
	})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return folder.With(func(next *secret.Folder) {
		next.Fetched = now
		if next.Answered.IsZero() {
			next.Answered = now
		}
	}), nil
}

// Tree implements [secret.Upstream]. Directories for which a fault is set are
// left out of the answer, as a server leaves out what may not be read. The tree
// of Dir{} ends with the environments.
func (f *Fake) Tree(ctx context.Context, dir secret.Dir, known []*secret.Folder) ([]*secret.Folder, error) {
	var folders []*secret.Folder
	err := f.serve(ctx, Request{Kind: KindTree, Dir: dir, KnownTree: known}, func() (err error) {
		folders, err = f.tree(dir)
		return err
	})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	for _, folder := range folders { // built for this answer alone
		folder.Fetched, folder.Answered = now, now
	}
	if len(known) == 0 || len(folders) == 0 || known[0].Revision == "" || known[0].Revision != folders[0].Revision {
		return folders, nil
	}
	same := make([]*secret.Folder, 0, len(known))
	for _, folder := range known {
		same = append(same, folder.With(func(next *secret.Folder) { next.Fetched = now }))
	}
	return same, nil
}

// Folders implements [secret.Upstream], if [Fake.ListsFolders] has been told to. Otherwise it
// is the refusal of a server that cannot, without a request.
func (f *Fake) Folders(ctx context.Context, dir secret.Dir) (folders []*secret.Folder, err error) {
	f.mu.Lock()
	lists := f.listsFolders
	f.mu.Unlock()
	if !lists {
		return nil, secret.ErrInexact
	}
	err = f.serve(ctx, Request{Kind: KindFolders, Dir: dir}, func() error {
		now := time.Now()
		for below, c := range f.dirs {
			if dir.Contains(below) && below.IsFolder() {
				folder := c.snapshot(below)
				folder.Secrets, folder.NoSecrets, folder.Partial, folder.Revision = nil, true, true, ""
				folder.Fetched, folder.Answered = now, now
				folders = append(folders, folder)
			}
		}
		return nil
	})
	return folders, err
}

// serve keeps the record, lets decide find the answer and keeps it back for as
// long as the script says.
func (f *Fake) serve(ctx context.Context, r Request, decide func() error) error {
	r.At, r.Background = time.Now(), secret.IsBackground(ctx)
	f.mu.Lock()
	f.requests = append(f.requests, r)
	release := f.release
	f.mu.Unlock()

	if release != nil {
		select {
		case <-release:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.mu.Lock()
	err := f.fault
	if err == nil {
		err = f.faults[r.Dir]
	}
	if err == nil {
		err = decide()
	}
	delay := f.delay
	f.mu.Unlock()

	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.Kind, r.Dir, err)
	}
	return nil
}

func (f *Fake) fetch(dir secret.Dir, known *secret.Folder) (*secret.Folder, error) {
	c := f.dirs[dir]
	if c == nil {
		return nil, secret.ErrNotFound
	}
	full := c.snapshot(dir)
	switch {
	case known == nil:
		return full, nil
	case known.NoSecrets:
		return known.With(func(next *secret.Folder) { next.Secrets, next.NoSecrets = full.Secrets, false }), nil
	case known.NoSubfolders:
		return known.With(func(next *secret.Folder) { next.Folders, next.NoSubfolders = full.Folders, false }), nil
	case known.Revision != "" && known.Revision == full.Revision:
		return known, nil
	}
	return full, nil
}

func (f *Fake) tree(top secret.Dir) ([]*secret.Folder, error) {
	if f.inexact {
		return nil, secret.ErrInexact
	}
	if f.dirs[top] == nil {
		return nil, secret.ErrNotFound
	}
	var folders []*secret.Folder
	revision := f.revisionBelow(top)
	for dir, c := range f.dirs {
		if !top.Contains(dir) || top.IsFolder() != dir.IsFolder() || f.faults[dir] != nil {
			continue
		}
		folder := c.snapshot(dir)
		folder.Partial, folder.Revision = true, revision
		if f.flat && dir.IsFolder() {
			folder.Folders, folder.NoSubfolders = nil, true
		}
		folders = append(folders, folder)
	}
	return folders, nil
}

// revisionBelow is the revision of a bulk answer: it changes with anything in it.
func (f *Fake) revisionBelow(top secret.Dir) string {
	latest, n := 0, 0
	for dir, c := range f.dirs {
		if top.Contains(dir) && f.faults[dir] == nil {
			latest, n = max(latest, c.revision), n+1
		}
	}
	return fmt.Sprintf("tree of %d at %d", n, latest)
}

// Crowded implements [secret.Upstream]; see [Fake.Crowd].
func (f *Fake) Crowded() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.crowded
}

// snapshot returns c as a Folder of its own, without times.
func (c *content) snapshot(dir secret.Dir) *secret.Folder {
	folder := &secret.Folder{Dir: dir, Revision: strconv.Itoa(c.revision), Imports: len(c.imported) > 0}
	for _, s := range c.secrets {
		s.Tags, s.Metadata = slices.Clone(s.Tags), slices.Clone(s.Metadata)
		folder.Secrets = append(folder.Secrets, s)
	}
	for name, s := range c.imported {
		if _, shadowed := c.secrets[name]; !shadowed {
			folder.Secrets = append(folder.Secrets, s)
		}
	}
	for _, sub := range c.folders {
		folder.Folders = append(folder.Folders, sub)
	}
	folder.Sort()
	return folder
}
