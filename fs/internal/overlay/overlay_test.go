package overlay

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/procend"
	"infisicalfs/secret"
)

var (
	dev   = secret.Dir{Project: "demo", Env: "dev", Path: "/"}
	sub   = dev.Child("sub")
	empty = &secret.Folder{Dir: dev}
)

// made links a new file of so many bytes, which nobody has open.
func made(t *testing.T, o *Overlay, class Class, dir secret.Dir, name string, size int) *File {
	f := o.New(empty, class, Made{})
	require.True(t, o.Link(f, dir, name))
	c := f.Lock()
	defer f.Unlock()
	require.Zero(t, c.Resize(size))
	return f
}

func TestOverlayAsksLeaveNothing(t *testing.T) {
	var o Overlay
	o.Unlink(dev, "KEY~")
	o.Uncover(dev, "KEY")
	o.Find(dev, "KEY~")
	o.Shown(dev)
	o.TouchDir(dev, "x", time.Now())
	require.ErrorIs(t, o.Rmdir(dev, "x"), secret.ErrNotFound)
	require.Zero(t, o.Counts())
}

// In a folder of 50,000 secrets their versions take megabytes.
func TestScratchFilesShareWhatTheyAreBasedOn(t *testing.T) {
	var o Overlay
	snap := &secret.Folder{Secrets: []secret.Secret{{Name: "KEY", ID: "id", Version: 3}}}
	first, second := o.basisOf(snap), o.basisOf(snap)
	require.Equal(t, lostupdate.Base{ID: "id", Version: 3}, first["KEY"])
	first["marked"] = lostupdate.Base{}
	require.Contains(t, second, "marked", "another map")
	next := &secret.Folder{Secrets: []secret.Secret{{Name: "KEY", ID: "id", Version: 4}}}
	require.Equal(t, lostupdate.Base{ID: "id", Version: 4}, o.basisOf(next)["KEY"])
	require.Equal(t, lostupdate.Base{ID: "id", Version: 3}, first["KEY"], "who made a file earlier has seen the earlier version")
}

func TestScratchDirectoriesAreBounded(t *testing.T) {
	var o Overlay
	for i := range MaxDirs {
		require.NoError(t, o.Mkdir(dev, fmt.Sprint(i)))
	}
	require.ErrorIs(t, o.Mkdir(dev, "0"), secret.ErrExists)
	require.ErrorIs(t, o.Mkdir(dev, "another"), ErrFull)
	require.NoError(t, o.Rmdir(dev, "0"))
	require.NoError(t, o.Mkdir(dev, "another"))
	made(t, &o, Collected, dev.Child("another"), "in it", 0)
	require.ErrorIs(t, o.Rmdir(dev, "another"), secret.ErrNotEmpty)
	require.Len(t, o.Entries(dev), MaxDirs)
}

// For a temporary file the eldest closed ones go, and never one that may be the
// only copy of something. For the others nothing goes.
func TestWhoGoesForOthers(t *testing.T) {
	var o Overlay
	eldest := made(t, &o, Temporary, dev, "eldest", MaxFile)
	draft := o.New(empty, Temporary, Made{OnlyCopy: true})
	require.True(t, o.Link(draft, dev, ".KEY.swp"))
	require.Zero(t, draft.Lock().Resize(MaxFile))
	draft.Unlock()
	open := made(t, &o, Temporary, dev, "open", MaxFile)
	ok, _ := o.Enter(open)
	require.True(t, ok)
	second := made(t, &o, Temporary, dev, "second", MaxFile)
	require.Zero(t, o.Counts().Evicted)

	newest := o.New(empty, Temporary, Made{})
	require.True(t, o.Link(newest, dev, "newest"))
	resize := func(f *File, n int) syscall.Errno {
		defer f.Unlock()
		return f.Lock().Resize(n)
	}
	require.Zero(t, resize(newest, 1))
	require.Nil(t, o.Find(dev, "eldest"))
	require.Zero(t, resize(newest, MaxFile))
	require.Same(t, second, o.Find(dev, "second"))
	require.Equal(t, syscall.ENOSPC, resize(newest, MaxFile+1), "no file is larger")
	require.Equal(t, MaxTemporaryBytes, o.Counts().Temporary.Bytes)
	third := made(t, &o, Temporary, dev, "third", MaxFile)
	require.Nil(t, o.Find(dev, "second"))
	require.Equal(t, uint64(2), o.Counts().Evicted)
	require.Same(t, draft, o.Find(dev, ".KEY.swp"))
	require.Same(t, open, o.Find(dev, "open"))
	o.Leave(open)
	_, _ = eldest, third

	for i := range MaxDoubtfulBytes / MaxFile {
		made(t, &o, Doubtful, sub, fmt.Sprint(i), MaxFile)
	}
	require.False(t, o.HasRoomForDoubtful())
	more := o.New(empty, Doubtful, Made{})
	require.True(t, o.Link(more, sub, "more"))
	require.Equal(t, syscall.ENOSPC, resize(more, 1))
	require.True(t, more.Lock().Cut, "what there is of it is a part")
	more.Unlock()
	require.Zero(t, resize(more, 0))
	require.False(t, more.Lock().Cut)
	more.Unlock()
}

// A name is taken away at once, and the room when nobody has the file open.
func TestUnlinkedFilesKeepTheirRoomWhileTheyAreOpen(t *testing.T) {
	var o Overlay
	f := made(t, &o, Temporary, dev, "KEY~", 10)
	require.True(t, o.Hold(f))
	require.True(t, o.Unlink(dev, "KEY~"))
	require.False(t, o.Unlink(dev, "KEY~"))
	require.Equal(t, Room{0, 10}, o.Counts().Temporary)
	var attr fuse.Attr
	f.Getattr(&attr)
	require.Equal(t, []uint64{0, 10}, []uint64{uint64(attr.Nlink), attr.Size})
	require.False(t, o.Hold(f), "it has lost its name")
	o.Leave(f)
	require.Zero(t, o.Counts().Temporary)
}

// Whoever opens a file that is on its way to the server waits, and a file that is
// open is not sent.
func TestOpenOrOnItsWay(t *testing.T) {
	var o Overlay
	f := made(t, &o, Doubtful, dev, "KEY-a1b2c3", 1)
	ok, _ := o.Enter(f)
	require.True(t, ok)
	require.False(t, o.StartSending(f))
	o.Leave(f)
	require.True(t, o.StartSending(f))
	require.False(t, o.StartSending(f), "twice")
	ok, wait := o.Enter(f)
	require.False(t, ok)
	o.StopSending(f)
	<-wait
	ok, _ = o.Enter(f)
	require.True(t, ok)
	o.Leave(f)
	require.Equal(t, 0, o.Open())
	o.Unlink(dev, "KEY-a1b2c3")
	require.False(t, o.StartSending(f))
}

// What is in and below a renamed folder goes along.
func TestFoldersMoveWithAllThatIsHere(t *testing.T) {
	var o Overlay
	f := made(t, &o, Temporary, sub.Child("deep"), "KEY~", 1)
	stays := made(t, &o, Temporary, dev, "KEY~", 1)
	from := o.New(&secret.Folder{Dir: sub}, Temporary, Made{}) // and is elsewhere
	require.True(t, o.Link(from, dev, "FROM~"))
	o.Unlinked(sub, "GONE")
	require.NoError(t, o.Mkdir(sub, ".~tmp~"))
	to := dev.Child("other")
	o.MoveFolder(sub, to)
	require.Same(t, f, o.Find(to.Child("deep"), "KEY~"))
	require.Equal(t, Name{to.Child("deep"), "KEY~"}, o.Where(f))
	require.Nil(t, o.Find(sub.Child("deep"), "KEY~"))
	require.Same(t, stays, o.Find(dev, "KEY~"))
	require.True(t, o.WasUnlinked(to, "GONE"))
	require.False(t, o.WasUnlinked(sub, "GONE"))
	require.True(t, o.UnlinkedSince(f, to, "GONE"))
	require.False(t, o.UnlinkedSince(f, sub, "GONE"))
	require.Equal(t, to, from.Dir())
	require.Equal(t, dev, stays.Dir())
	_, ok := o.Dir(to, ".~tmp~")
	require.True(t, ok)
	o.Drop(to.Contains)
	require.Equal(t, Counts{Temporary: Room{2, 1}, Folders: 1}, o.Counts())
}

// A removal is remembered for longer while a file is here that is older.
func TestUnlinkedNamesAreRememberedWhileAFileIsOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o Overlay
		older := made(t, &o, Temporary, dev, "OLDER~", 1)
		o.Unlinked(dev, "KEY")
		o.Unlinked(dev, "AGAIN")
		o.MadeAgain(dev, "AGAIN")
		o.MadeAgain(dev, "NEVER_REMOVED")
		o.Unlinked(sub, "KEY")
		newer := made(t, &o, Temporary, dev, "NEWER~", 1)
		o.Move(older, Temporary, sub, "MOVED~")
		time.Sleep(time.Hour)
		o.Unlinked(sub, "OTHER")
		require.Equal(t, 2, o.Counts().Unlinked, "the folder's and the latest")
		require.True(t, o.UnlinkedSince(older, dev, "KEY"))
		require.False(t, o.UnlinkedSince(older, dev, "AGAIN"))
		require.False(t, o.UnlinkedSince(newer, dev, "KEY"))
		require.False(t, o.WasUnlinked(dev, "KEY"))
		o.Unlink(sub, "MOVED~")
		time.Sleep(time.Hour)
		o.Unlinked(sub, "OTHER")
		require.Equal(t, 1, o.Counts().Unlinked)
	})
}

func TestUnlinkedNamesAreRememberedForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o Overlay
		o.Unlinked(dev, "KEY")
		time.Sleep(unlinkedFor - 1)
		require.True(t, o.WasUnlinked(dev, "KEY"))
		require.Equal(t, []string{"KEY"}, o.NamesUnlinked(dev))
		require.Empty(t, o.NamesUnlinked(sub))
		time.Sleep(time.Nanosecond)
		require.False(t, o.WasUnlinked(dev, "KEY"))
		require.Empty(t, o.NamesUnlinked(dev))
		o.Unlinked(dev, "OTHER")
		require.Equal(t, 1, o.Counts().Unlinked)
	})
}

// What takes a file's place is for what that was for.
func TestMovedOntoAnother(t *testing.T) {
	var o Overlay
	draft := o.New(empty, Temporary, Made{OnlyCopy: true})
	require.True(t, o.Link(draft, dev, ".KEY.swp"))
	f := made(t, &o, Temporary, dev, "new", 5)
	require.Empty(t, o.Waiting())
	o.Move(f, Temporary, dev, ".KEY.swp")
	require.Same(t, f, o.Find(dev, ".KEY.swp"))
	require.Nil(t, o.Find(dev, "new"))
	waiting := o.Waiting()
	require.Len(t, waiting, 1)
	require.True(t, waiting[0].OnlyCopy)
	require.Equal(t, "/demo/dev/.KEY.swp", waiting[0].At.String())
	o.Move(f, Collected, sub, "kept")
	require.Equal(t, Counts{Collected: Room{1, 5}, Folders: 1}, o.Counts())
	o.Unlink(sub, "kept")
	o.Move(f, Temporary, dev, "late")
	require.Nil(t, o.Find(dev, "late"), "it has no name to lose")
}

// A doubtful file is sent when its fate says so, again with growing pauses while
// that fails, and not any more when its program has renamed or unlinked it.
func TestDoubtfulFilesAreFollowed(t *testing.T) {
	for name, c := range map[string]struct {
		ends    procend.How // of the maker, after a second; Unknown: it lives
		unlink  time.Duration
		filled  bool
		decided int // at which attempt
		want    []time.Duration
		killed  bool
	}{
		"its maker lives":              {procend.Unknown, 0, true, 1, []time.Duration{DoubtfulFor}, false},
		"its maker has ended":          {procend.Exited, 0, true, 1, []time.Duration{time.Second + MakerGrace}, false},
		"its maker was killed":         {procend.Killed, 0, true, 1, []time.Duration{time.Second}, true},
		"unlinked by its maker":        {procend.Exited, time.Second / 2, true, 1, nil, false},
		"left empty":                   {procend.Exited, 0, false, 1, nil, false},
		"during an outage of an hour":  {procend.Exited, 0, true, 4, []time.Duration{1300 * time.Millisecond, 2300 * time.Millisecond, 4300 * time.Millisecond, 8300 * time.Millisecond}, false},
		"killed, and somebody is busy": {procend.Killed, 0, true, 2, []time.Duration{time.Second, 2 * time.Second}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var o Overlay
				began, who := time.Now(), caller.Process{PID: 7}
				over := make(chan struct{})
				maker := &procend.Lifetime{Who: who, Over: over}
				f := o.New(empty, Doubtful, Made{})
				require.True(t, o.Link(f, dev, "KEY-a1b2c3"))
				f.Doubt(maker)
				if c.filled {
					content := f.Lock()
					require.Zero(t, content.Resize(1))
					content.Wrote(who, who)
					f.Unlock()
				}
				if c.ends != procend.Unknown {
					time.AfterFunc(time.Second, func() { maker.How, maker.At = c.ends, time.Now(); close(over) })
				}
				if c.unlink > 0 {
					time.AfterFunc(c.unlink, func() { o.Unlink(dev, "KEY-a1b2c3") })
				}
				var when []time.Duration
				f.Follow(t.Context(), DoubtfulFor, func(_ context.Context, killed bool) bool {
					require.Equal(t, c.killed, killed)
					when = append(when, time.Since(began))
					return len(when) == c.decided
				})
				require.Equal(t, c.want, when)
				require.Equal(t, c.want != nil, o.IsDoubtful(f) && o.Find(dev, "KEY-a1b2c3") != nil)
			})
		})
	}
}
