package writeback

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/textedit"
	"infisicalfs/fs/internal/unsent"
	"infisicalfs/secret"
)

var (
	dev  = secret.Dir{Project: "demo"}.Child("dev")
	me   = caller.Process{PID: 1}
	you  = caller.Process{PID: 2}
	base = lostupdate.Base{ID: "id", Version: 1}
)

// server is a way to a server, of which the test says what it does.
type server struct {
	value   string // that it has
	version int
	fails   error // what it answers,
	late    bool  // although it has taken the value
	queue   error // what the turn of the folder fails with
	before  func()
	commits []commit.Change
	inside  int // how many are in the folder's turn
	told    int // how often it was told of the result
}

func (s *server) Enter(context.Context) (func(), error) {
	if s.queue != nil {
		return nil, s.queue
	}
	s.inside++
	return func() { s.inside-- }, nil
}

func (s *server) Where() (secret.Dir, string) { return dev, "KEY" }

func (s *server) Commit(_ context.Context, c commit.Change) (secret.Secret, error) {
	s.commits = append(s.commits, c)
	if s.before != nil {
		s.before()
	}
	if s.fails != nil && !s.late {
		return secret.Secret{}, s.fails
	}
	s.value = c.Value.Reveal()
	s.version++
	return secret.Secret{Name: "KEY", ID: "id", Version: s.version, Value: c.Value}, s.fails
}

func (s *server) Committed(context.Context, secret.Dir, string, secret.Secret) { s.told++ }

// file is a buffer, with a server and a store of its own.
type file struct {
	*Buffer
	*server
	texts *unsent.Store
}

func newFile(change ...func(*Config)) *file {
	f := &file{server: &server{value: "before", version: 1}}
	f.texts = unsent.New(func(key string, n uint64) string { return fmt.Sprintf("%s.%d", key, n) })
	cfg := Config{Opener: me, UID: 77, Texts: f.texts, Keep: func(t unsent.Text) string {
		if t.Value.Len() == 0 {
			return ""
		}
		kept, _ := f.texts.Keep(t)
		return kept.Name
	}}
	for _, c := range change {
		c(&cfg)
	}
	f.Buffer = New(cfg)
	f.Begin(secret.NewValue("before"), base, false)
	return f
}

func (f *file) write(off int64, text string) error {
	_, err := f.Edit(me, textedit.Edit{Data: []byte(text), Off: off}, false)
	return err
}

func (f *file) cut(size int64) error {
	_, err := f.Edit(me, textedit.Edit{Off: size, Cut: true}, false)
	return err
}

// kept are the texts in the store, an old value in brackets.
func (f *file) kept() (list []string) {
	for _, t := range f.texts.List() {
		text := t.Value.Reveal()
		if !t.Only {
			text = "[" + text + "]"
		}
		list = append(list, text)
	}
	return list
}

// What calls say, what the server has then, and what is kept.
func TestWhatCallsSay(t *testing.T) {
	for name, c := range map[string]struct {
		steps []string // a call, and what it says if that is not nil
		has   string   // the server in the end
		kept  []string
		sends int // how often something was sent
	}{
		"nothing":                            {steps: []string{"fsync", "close", "release"}, has: "before"},
		"written, closed":                    {steps: []string{"write new", "close", "release"}, has: "newore", sends: 1},
		"written, synced, closed":            {steps: []string{"write new", "fsync", "close", "release"}, has: "newore", sends: 1},
		"written by two closes":              {steps: []string{"write new", "close", "write old", "close", "release"}, has: "oldore", sends: 2},
		"never closed by its owner":          {steps: []string{"write new", "release"}, has: "newore", sends: 1},
		"emptied by opening":                 {steps: []string{"empty", "fsync", "close", "release"}, has: "", sends: 1},
		"emptied by opening, then written":   {steps: []string{"empty", "close", "write new", "close", "release"}, has: "new", sends: 1},
		"created":                            {steps: []string{"create", "close", "release"}, has: "", sends: 1},
		"truncate(2)":                        {steps: []string{"empty", "once"}, has: "", sends: 1},
		"refused, and told once more":        {steps: []string{"fail denied", "write new", "close denied", "close denied", "release denied"}, has: "before", kept: []string{"newore"}, sends: 1},
		"refused, and synced once more":      {steps: []string{"fail denied", "write new", "close denied", "heal", "fsync", "close", "release"}, has: "newore", sends: 2},
		"refused, twice, and kept once":      {steps: []string{"fail denied", "write new", "fsync denied", "fsync denied", "release denied"}, has: "before", kept: []string{"newore"}, sends: 2},
		"refused, and written anew":          {steps: []string{"fail denied", "write new", "close denied", "heal", "write old", "close", "release"}, has: "oldore", kept: []string{"[newore]"}, sends: 2},
		"refused, and written back":          {steps: []string{"fail denied", "write new", "close denied", "write old", "close denied"}, has: "before", kept: []string{"newore", "oldore"}, sends: 2},
		"its folder's turn does not come":    {steps: []string{"queue timeout", "write new", "close timeout", "heal", "release timeout"}, has: "before", kept: []string{"newore"}},
		"bytes of no text":                   {steps: []string{"write \xff EILSEQ", "close not-text", "release not-text"}, has: "before", kept: []string{"[before]"}},
		"bytes of no text, then emptied":     {steps: []string{"write \xff EILSEQ", "cut", "write new", "close", "release"}, has: "new", sends: 1},
		"half a character":                   {steps: []string{"cut", "write \xe2\x82", "close not-text"}, has: "before", kept: []string{"\xe2\x82"}},
		"too large":                          {steps: []string{"far EFBIG", "close too-large"}, has: "before", kept: []string{"[before]"}},
		"an extension that is too large":     {steps: []string{"extend EFBIG", "close", "release"}, has: "before"},
		"no room":                            {steps: []string{"full", "write new ENOSPC", "close part"}, has: "before", kept: []string{"[before]"}},
		"no room, and nothing more":          {steps: []string{"full", "cut", "close"}, has: "", sends: 1},
		"removed":                            {steps: []string{"write new", "remove", "close", "write old", "fsync", "release"}, has: "before"},
		"revoked":                            {steps: []string{"write new", "revoke", "write old revoked", "close revoked"}, has: "before"},
		"revoked, and all of it his own":     {steps: []string{"empty", "write new", "revoke", "close revoked"}, has: "before", kept: []string{"new"}},
		"its writer was killed":              {steps: []string{"write new", "abort", "write old killed", "close killed", "release killed"}, has: "before", kept: []string{"[newore]"}},
		"its writer was killed, all is sent": {steps: []string{"write new", "close", "abort"}, has: "newore", sends: 1},
		"shredded":                           {steps: []string{"shred", "shred", "close", "release"}, has: "before"},
		"emptied, then shredded":             {steps: []string{"empty", "shred EILSEQ", "close not-text"}, has: "before"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFile()
			for _, step := range c.steps {
				call, rest, _ := strings.Cut(step, " ")
				arg := rest
				if call == "write" || call == "fail" || call == "queue" {
					arg, rest, _ = strings.Cut(rest, " ")
				}
				require.Equal(t, asError[rest], f.do(call, arg), step)
				require.Zero(t, f.inside, "%s: the turn was given back", step)
			}
			require.Equal(t, c.has, f.value)
			require.Equal(t, c.kept, f.kept())
			require.Len(t, f.commits, c.sends)
		})
	}
}

var asError = map[string]error{
	"": nil, "denied": secret.ErrDenied, "timeout": secret.ErrTimeout, "EILSEQ": syscall.EILSEQ, "EFBIG": syscall.EFBIG, "ENOSPC": syscall.ENOSPC,
	"not-text": ErrNotText, "too-large": secret.ErrTooLarge, "part": ErrPart, "revoked": ErrRevoked, "killed": ErrKilled,
}

// do makes a call of [TestWhatCallsSay].
func (f *file) do(call, arg string) error {
	switch ctx := context.Background(); call {
	case "write":
		return f.write(0, arg)
	case "far":
		return f.write(textedit.Max, "x")
	case "extend":
		return f.cut(textedit.Max + 1)
	case "cut":
		return f.cut(0)
	case "shred":
		_, err := f.Edit(me, textedit.Edit{Data: []byte("\xff\xfe")}, true)
		return err
	case "fsync":
		return f.Send(ctx, AtFsync, f.server)
	case "close":
		f.Flushed()
		return f.Send(ctx, AtClose, f.server)
	case "release":
		f.Releasing()
		return f.Send(ctx, AtRelease, f.server)
	case "once":
		return f.Send(ctx, AtOnce, f.server)
	case "empty":
		f.Begin(secret.NewValue("before"), base, true)
	case "create":
		f.BeginNew()
		f.text.Wipe()
	case "fail":
		f.fails = asError[arg]
	case "queue":
		f.queue = asError[arg]
	case "heal":
		f.fails, f.queue = nil, nil
	case "remove":
		f.End(ErrNoName)
	case "revoke":
		f.Revoke()
	case "abort":
		f.Abort(dev, "KEY")
	case "full":
		if err := f.texts.Grow(&unsent.Room{}, 77, unsent.MaxBytes); err != nil {
			return err
		}
	default:
		panic(call)
	}
	return nil
}

// What is written while a text is on its way is sent by the next call, and a verdict is
// about the text that it was given for.
func TestWhatIsWrittenMeanwhile(t *testing.T) {
	f := newFile()
	require.NoError(t, f.write(0, "one"))
	f.before = func() { f.before = nil; require.NoError(t, f.write(0, "two")) }
	require.NoError(t, f.Send(t.Context(), AtClose, f.server))
	require.Equal(t, "oneore", f.value)
	require.True(t, f.Flushed(), "the later text is not sent")
	require.NoError(t, f.Send(t.Context(), AtClose, f.server))
	require.Equal(t, "twoore", f.value)
	require.False(t, f.Flushed())
	require.True(t, f.Delivered())
	require.Equal(t, lostupdate.Base{ID: "id", Version: 2}, f.commits[1].Base, "it is based on the text before")

	f.fails = secret.ErrUnavailable
	require.NoError(t, f.write(0, "six"))
	f.before = func() { f.before = nil; require.NoError(t, f.write(0, "ten")) }
	require.Equal(t, secret.ErrUnavailable, f.Send(t.Context(), AtClose, f.server))
	f.fails = nil
	require.NoError(t, f.Send(t.Context(), AtClose, f.server), "the failure was of another text")
	require.Equal(t, "tenore", f.value)
	require.Equal(t, []string{"[sixore]"}, f.kept())
}

// Who closes a second copy waits for the verdict about the text that he has seen.
func TestASecondCallWaitsForTheFirst(t *testing.T) {
	for _, fault := range []error{nil, secret.ErrUnavailable} {
		synctest.Test(t, func(t *testing.T) {
			f := newFile()
			f.fails = fault
			require.NoError(t, f.write(0, "new"))
			release := make(chan struct{})
			f.before = func() { <-release }
			said := make(chan error, 2)
			for range 2 {
				go func() { said <- f.Send(t.Context(), AtClose, f.server) }()
			}
			synctest.Wait()
			require.Empty(t, said)
			interrupted, stop := context.WithCancel(t.Context())
			stop()
			require.Equal(t, context.Canceled, f.Send(interrupted, AtFsync, f.server))
			close(release)
			require.Equal(t, fault, <-said)
			require.Equal(t, fault, <-said)
			require.Len(t, f.commits, 1)
		})
	}
}

// A change that may have happened although it failed is told to the next commit.
func TestAnAnswerThatWasLost(t *testing.T) {
	f := newFile()
	require.NoError(t, f.write(0, "one"))
	f.fails, f.late = secret.ErrTimeout, true
	require.Equal(t, secret.ErrTimeout, f.Send(t.Context(), AtFsync, f.server))
	require.Equal(t, commit.Attempt{}, f.commits[0].Attempt)
	f.fails = nil
	require.NoError(t, f.write(0, "two"))
	require.NoError(t, f.Send(t.Context(), AtFsync, f.server))
	require.True(t, f.commits[1].Attempt.Is)
	require.Equal(t, "oneore", f.commits[1].Attempt.Value.Reveal())
	require.NoError(t, f.write(0, "six"))
	require.NoError(t, f.Send(t.Context(), AtFsync, f.server))
	require.Equal(t, commit.Attempt{}, f.commits[2].Attempt, "it is known by now")
	require.Equal(t, 2, f.told)
}

// What a commit is told of the file.
func TestWhatACommitIsTold(t *testing.T) {
	f := newFile(func(c *Config) { c.Append = true })
	require.NoError(t, f.write(0, " and more"))
	require.NoError(t, f.Send(t.Context(), AtClose, f.server))
	c := f.commits[0]
	require.Equal(t, "before and more", c.Value.Reveal(), "the kernel's offset does not count")
	require.Equal(t, dev, c.Dir)
	require.Equal(t, "KEY", c.Name)
	require.Equal(t, base, c.Base)
	require.Equal(t, me, c.Who)
	require.True(t, c.Append)
	require.False(t, c.Early)
	f.Begin(secret.NewValue(""), base, true)
	f.BasedOn(lostupdate.Base{ID: "other", Version: 7})
	f.Rebase(base, lostupdate.Base{ID: "id", Version: 9})
	f.Rebase(lostupdate.Base{ID: "other", Version: 7}, lostupdate.Base{ID: "other", Version: 8})
	require.NoError(t, f.Send(t.Context(), AtRelease, f.server))
	require.True(t, f.commits[1].Early)
	require.Equal(t, lostupdate.Base{ID: "other", Version: 8}, f.commits[1].Base)
}

// A secret is being created until its first text was sent, or it lost its name.
func TestCreating(t *testing.T) {
	f := newFile()
	require.False(t, f.Creating())
	f.BeginNew()
	require.True(t, f.Creating())
	require.NoError(t, f.Send(t.Context(), AtOnce, f.server))
	require.False(t, f.Creating())
	require.False(t, f.Wipe())
	f.BeginNew()
	f.End(ErrNoName)
	f.End(ErrKilled)
	require.False(t, f.Creating())
	require.True(t, f.Wipe(), "it never was")
	require.NoError(t, f.With(func(*textedit.Text) {}), "the first reason counts, and a file without a name can be read")
}

// Room is taken by a text that the server does not have, and by nothing else.
func TestRoom(t *testing.T) {
	f := newFile()
	fits := func() bool {
		var all unsent.Room
		defer f.texts.Give(&all)
		return f.texts.Grow(&all, 77, unsent.MaxBytes) == nil
	}
	require.True(t, fits())
	require.NoError(t, f.write(0, "new"))
	require.False(t, fits())
	require.NoError(t, f.Send(t.Context(), AtClose, f.server))
	require.True(t, fits())
	require.NoError(t, f.write(0, "old"))
	require.False(t, fits())
	f.Wipe()
	require.True(t, fits())
}

// shared is a text of several buffers.
type shared struct {
	text textedit.Text
	sent *lostupdate.Base
}

func (s *shared) Use(do func(*textedit.Text, *lostupdate.Base)) { do(&s.text, s.sent) }

// A shared text is not sent before it is a secret's, and each of its files has a
// verdict of its own.
func TestASharedText(t *testing.T) {
	s := &shared{}
	s.text.Set(secret.NewValue("text"))
	with := func(c *Config) { c.Shared = s }
	one, two := newFile(with), newFile(with)
	one.Buffer = New(one.cfg)
	two.Buffer = New(two.cfg)
	require.Equal(t, 4, one.Len())
	one.Edited(me, textedit.Edit{Data: []byte("x")}, 0)
	require.NoError(t, one.Send(t.Context(), AtClose, one.server))
	require.Empty(t, one.commits)
	s.sent = &lostupdate.Base{ID: "id", Version: 1}
	require.NoError(t, one.Send(t.Context(), AtClose, one.server))
	require.Equal(t, "text", one.value)
	require.Equal(t, lostupdate.Base{ID: "id", Version: 2}, *s.sent)
	require.NoError(t, two.Send(t.Context(), AtClose, two.server))
	require.Empty(t, two.commits, "nothing was written with it")
	two.Edited(you, textedit.Edit{Data: []byte("x")}, syscall.ENOSPC)
	require.Equal(t, ErrPart, two.Send(t.Context(), AtClose, two.server))
	require.NoError(t, one.Send(t.Context(), AtClose, one.server))
}

func TestUsedBy(t *testing.T) {
	f := newFile()
	require.True(t, f.UsedBy(me))
	require.True(t, f.UsedBy(caller.Process{}), "who that is cannot be known")
	require.False(t, f.UsedBy(you))
	_, err := f.Edit(you, textedit.Edit{Data: []byte("x")}, false)
	require.NoError(t, err)
	require.True(t, f.UsedBy(you))
}

// A file whose descriptor was closed is waited for until its RELEASE has come, or once
// in vain.
func TestAwaitRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFile()
		f.Begin(secret.NewValue(""), base, true)
		require.False(t, f.LooksClosed())
		f.Flushed()
		require.True(t, f.LooksClosed())
		require.False(t, f.AwaitRelease(t.Context(), time.Second))
		require.False(t, f.LooksClosed(), "it stays open")
		require.False(t, f.IsReleasing())
		f.Releasing()
		require.True(t, f.LooksClosed())
		require.True(t, f.IsReleasing())
		time.AfterFunc(time.Minute, f.Released)
		require.True(t, f.AwaitRelease(t.Context(), time.Hour))
	})
}

func TestPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFile()
		_, ok := f.Pending()
		require.False(t, ok)
		require.NoError(t, f.write(0, "new"))
		p, ok := f.Pending()
		require.True(t, ok)
		require.Equal(t, Pending{6, time.Now(), false}, p)
		f.Flushed()
		f.fails = secret.ErrDenied
		require.Error(t, f.Send(t.Context(), AtClose, f.server))
		_, ok = f.Pending()
		require.False(t, ok, "it is kept")
		require.NoError(t, f.write(0, "old"))
		p, ok = f.Pending()
		require.True(t, ok)
		require.True(t, p.Closed)
	})
}
