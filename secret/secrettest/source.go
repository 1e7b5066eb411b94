package secrettest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"infisicalfs/secret"
)

// Known is what [TestSource] may rely on.
type Known struct {
	Dir       secret.Dir // a folder that exists
	Name      string     // a secret in it
	Value     string     // and its value
	Subfolder string     // a folder in it; empty: none is shown
	Missing   secret.Dir // a folder that does not exist
}

var needs = []secret.Need{secret.NeedEntry, secret.NeedListing, secret.NeedProof}

// TestSource is the conformance test: every [secret.Source] must pass it, whatever it
// wraps. The source must not change while it runs.
func TestSource(t *testing.T, src secret.Source, known Known) {
	t.Helper()
	t.Run("content", func(t *testing.T) {
		for _, need := range needs {
			checkContent(t, get(t, src, known.Dir, need), known)
		}
	})
	t.Run("order", func(t *testing.T) {
		for dir := known.Dir; ; dir = dir.Parent() {
			checkOrder(t, get(t, src, dir, secret.NeedListing))
			if !dir.Parent().IsFolder() {
				return
			}
		}
	})
	t.Run("subfolder", func(t *testing.T) {
		child := known.Dir.Child(known.Subfolder)
		if got := get(t, src, child, secret.NeedEntry).Dir; got != child {
			t.Errorf("asked for %s, got %s", child, got)
		}
	})
	t.Run("proof", func(t *testing.T) {
		folder := get(t, src, known.Dir, secret.NeedProof)
		if folder.Partial || folder.NoSubfolders {
			t.Errorf("proof asked for, got partial %v, without subfolders %v", folder.Partial, folder.NoSubfolders)
		}
	})
	t.Run("missing", func(t *testing.T) {
		for _, need := range needs {
			folder, err := src.Folder(t.Context(), known.Missing, need)
			if folder != nil || !errors.Is(err, secret.ErrNotFound) {
				t.Errorf("%s: got folder %v, error %v; want no folder and ErrNotFound", known.Missing, folder != nil, err)
			}
		}
	})
	t.Run("immutable", func(t *testing.T) { testImmutable(t, src, known) })
	t.Run("cancelled", func(t *testing.T) { testCancelled(t, src, known) })
	t.Run("concurrent", func(t *testing.T) { testConcurrent(t, src, known) })
}

func get(t *testing.T, src secret.Source, dir secret.Dir, need secret.Need) *secret.Folder {
	t.Helper()
	folder, err := src.Folder(t.Context(), dir, need)
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	return folder
}

func checkContent(t *testing.T, folder *secret.Folder, known Known) {
	t.Helper()
	if folder.Dir != known.Dir {
		t.Errorf("asked for %s, got %s", known.Dir, folder.Dir)
	}
	if s, ok := folder.Secret(known.Name); !ok || s.Value.Reveal() != known.Value {
		t.Errorf("%s: %s is there: %v, with the right value: %v", folder.Dir, known.Name, ok, s.Value.Reveal() == known.Value)
	}
	if _, ok := folder.Subfolder(known.Subfolder); !ok && known.Subfolder != "" && !folder.NoSubfolders {
		t.Errorf("%s: no subfolder %s", folder.Dir, known.Subfolder)
	}
	if folder.Fetched.IsZero() || folder.Answered.IsZero() || folder.Answered.After(folder.Fetched) {
		t.Errorf("%s: answered %v, fetched %v", folder.Dir, folder.Answered, folder.Fetched)
	}
}

// checkOrder demands strictly rising names, so that each comes once.
func checkOrder(t *testing.T, folder *secret.Folder) {
	t.Helper()
	for i := 1; i < len(folder.Secrets); i++ {
		if strings.Compare(folder.Secrets[i-1].Name, folder.Secrets[i].Name) >= 0 {
			t.Errorf("%s: secret %q comes before %q", folder.Dir, folder.Secrets[i-1].Name, folder.Secrets[i].Name)
		}
	}
	for i := 1; i < len(folder.Folders); i++ {
		if strings.Compare(folder.Folders[i-1].Name, folder.Folders[i].Name) >= 0 {
			t.Errorf("%s: folder %q comes before %q", folder.Dir, folder.Folders[i-1].Name, folder.Folders[i].Name)
		}
	}
}

// testImmutable holds on to a snapshot while others are made and looked at.
// The race detector does the rest: nobody may write to what was handed out.
func testImmutable(t *testing.T, src secret.Source, known Known) {
	first := get(t, src, known.Dir, secret.NeedProof)
	header, secrets, folders := *first, slices.Clone(first.Secrets), slices.Clone(first.Folders)
	for _, need := range needs {
		second := get(t, src, known.Dir, need)
		_ = second.With(func(f *secret.Folder) { f.Secrets, f.Folders = nil, nil })
		get(t, src, known.Dir.Child(known.Subfolder), need)
	}
	checkContent(t, first, known)
	if first.Fetched != header.Fetched || first.Stale != header.Stale || first.Partial != header.Partial {
		t.Error("the snapshot's header changed in its holder's hands")
	}
	same := slices.EqualFunc(first.Secrets, secrets, func(a, b secret.Secret) bool {
		return a.Name == b.Name && a.ID == b.ID && a.Version == b.Version && a.Value.Equal(b.Value) && a.Updated.Equal(b.Updated)
	})
	if !same || !slices.Equal(first.Folders, folders) {
		t.Error("the snapshot's content changed in its holder's hands")
	}
}

func testCancelled(t *testing.T, src secret.Source, known Known) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, dir := range []secret.Dir{known.Dir, known.Missing} {
		done := make(chan error, 1)
		go func() {
			_, err := src.Folder(ctx, dir, secret.NeedProof)
			done <- err
		}()
		timeout := time.NewTimer(5 * time.Second)
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) || errors.Is(err, secret.ErrNotFound) {
				t.Errorf("%s: a cancelled call returned %v", dir, err)
			}
		case <-timeout.C:
			t.Fatalf("%s: a cancelled call does not return", dir)
		}
		timeout.Stop()
	}
}

func testConcurrent(t *testing.T, src secret.Source, known Known) {
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			need := needs[i%len(needs)]
			if folder, err := src.Folder(t.Context(), known.Dir, need); err != nil {
				t.Errorf("%s: %v", known.Dir, err)
			} else {
				checkContent(t, folder, known)
			}
			if _, err := src.Folder(t.Context(), known.Missing, need); !errors.Is(err, secret.ErrNotFound) {
				t.Errorf("%s: %v", known.Missing, err)
			}
		})
	}
	wg.Wait()
}
