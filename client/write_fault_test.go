package client_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// operation is one change of the sample data.
type operation struct {
	name  string
	do    func(ctx context.Context, w secret.Writer) error
	done  func(w world) bool // the server has it
	taken error              // what repeating it after success says; nil: success again
}

func text(s string) secret.Value { return secret.NewValue(s) }

func (w world) has(path, name, value string) bool {
	s, ok := w.Lookup("demo", "dev", path, name)
	return ok && s.Value == value
}

func (w world) lacks(path, name string) bool {
	_, ok := w.Lookup("demo", "dev", path, name)
	return !ok
}

func operations() []operation {
	const hello = "hello, world"
	note := "a note"
	return []operation{
		{"create", func(ctx context.Context, w secret.Writer) error {
			_, err := w.Create(ctx, dev, "NEW", text("value"))
			return err
		}, func(w world) bool { return w.has("/", "NEW", "value") }, secret.ErrExists},
		{"create, long name", func(ctx context.Context, w secret.Writer) error {
			_, err := w.Create(ctx, dev, strings.Repeat("n", 101), text("value"))
			return err
		}, func(w world) bool { return w.has("/", strings.Repeat("n", 101), "value") }, secret.ErrExists},
		{"update", func(ctx context.Context, w secret.Writer) error {
			_, err := w.Update(ctx, dev, "GREETING", text(" changed\n\n"))
			return err
		}, func(w world) bool { return w.has("/", "GREETING", "changed\n") }, nil},
		{"annotate", func(ctx context.Context, w secret.Writer) error {
			_, err := w.Annotate(ctx, dev, "GREETING", &note, []string{"database"})
			return err
		}, func(w world) bool {
			s, _ := w.Lookup("demo", "dev", "/", "GREETING")
			return s.Comment == note && s.Value == hello
		}, nil},
		{"rename", func(ctx context.Context, w secret.Writer) error {
			_, err := w.Rename(ctx, dev, "GREETING", "HELLO")
			return err
		}, func(w world) bool { return w.has("/", "HELLO", hello) && w.lacks("/", "GREETING") }, secret.ErrNotFound},
		{"move", func(ctx context.Context, w secret.Writer) error {
			return w.Move(ctx, dev, "GREETING", payments)
		}, func(w world) bool { return w.has("/payments", "GREETING", hello) && w.lacks("/", "GREETING") }, secret.ErrNotFound},
		{"move with references", func(ctx context.Context, w secret.Writer) error {
			return w.Move(ctx, dev, "DATABASE_URL", payments)
		}, func(w world) bool { return !w.lacks("/payments", "DATABASE_URL") && w.lacks("/", "DATABASE_URL") }, secret.ErrNotFound},
		{"delete", func(ctx context.Context, w secret.Writer) error {
			return w.Delete(ctx, dev, "GREETING")
		}, func(w world) bool { return w.lacks("/", "GREETING") }, secret.ErrNotFound},
		{"mkdir", func(ctx context.Context, w secret.Writer) error {
			return w.CreateFolder(ctx, payments, "eu")
		}, func(w world) bool { return w.HasFolder("demo", "dev", "/payments/eu") }, secret.ErrExists},
		{"rmdir", func(ctx context.Context, w secret.Writer) error {
			return w.DeleteFolder(ctx, dev, "empty")
		}, func(w world) bool { return !w.HasFolder("demo", "dev", "/empty") }, secret.ErrNotFound},
		{"rename folder", func(ctx context.Context, w secret.Writer) error {
			return w.RenameFolder(ctx, dev, "payments", "bills")
		}, func(w world) bool {
			return w.HasFolder("demo", "dev", "/bills") && !w.HasFolder("demo", "dev", "/payments")
		}, secret.ErrNotFound},
	}
}

// untouched reports whether what the operations change is as the sample has it.
func untouched(w world) bool {
	greeting, _ := w.Lookup("demo", "dev", "/", "GREETING")
	version := greeting.Version == 1 || !w.keepsRenames() // which count one that they ignore as a change
	return version && greeting.Value == "hello, world" &&
		w.lacks("/payments", "DATABASE_URL") && !w.lacks("/", "DATABASE_URL") && w.lacks("/", "NEW") && w.lacks("/", "HELLO") && w.lacks("/payments", "GREETING") &&
		w.HasFolder("demo", "dev", "/payments") && w.HasFolder("demo", "dev", "/empty") &&
		!w.HasFolder("demo", "dev", "/payments/eu") && !w.HasFolder("demo", "dev", "/bills")
}

var faults = map[string]devserver.Fault{
	"page 403":    {Status: 403, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>blocked</html>"},
	"page 404":    {Status: 404, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>not found</html>"},
	"no route":    {Status: 404, Body: `{"message":"Route not found","error":"Not Found","statusCode":404}`},
	"page 200":    {Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>log in</html>"},
	"garbage":     {Status: 200, Body: `{"secret": {`},
	"wrong shape": {Status: 200, Body: `{"secret": 7, "folder": 7, "isSourceUpdated": 7}`},
	"other":       {Status: 200, Body: `{"secret": {"id": "x", "secretKey": "OTHER"}, "folder": {"id": "x", "name": "other"}}`},
	"empty":       {Status: 200, Body: ""},
	"408":         {Status: 408, Body: `{"error":"RequestTimeout","message":"x"}`},
	"500":         {Status: 500, Body: `{"error":"InternalServerError","message":"x"}`},
	"502":         {Status: 502, Body: "bad gateway"},
	"503":         {Status: 503, Body: `{"message":"starting"}`},
	"302":         {Status: 302, Header: http.Header{"Location": {"https://login.example.com/"}}},
	"reset":       {Reset: true},
	"truncated":   {Truncate: 10},
	"hang":        {Hang: true},
}

func isWrite(r *http.Request) bool {
	return r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "/auth/")
}

func (w world) writes() (n int) {
	for _, r := range w.Requests() {
		if r.Method != http.MethodGet && !strings.Contains(r.Path, "/auth/") {
			n++
		}
	}
	return n
}

// ready is a world with an empty folder and a client that has been used.
func ready(t *testing.T, profile devserver.Profile) world {
	w := newWorld(t, devserver.Config{Profile: profile}, "admin", nil)
	w.edit(t, func(e *devserver.Editor) error { return e.Mkdir("demo", "dev", "/empty") })
	w.fetch(t, dev)
	w.ResetRequests()
	return w
}

func eachFault(t *testing.T, test func(t *testing.T, w world, op operation, fault devserver.Fault)) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		t.Parallel()
		for _, op := range operations() {
			for name, fault := range faults {
				for when, after := range map[string]bool{"before": false, "after": true} {
					t.Run(op.name+"/"+name+"/"+when, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							fault.After = after
							test(t, ready(t, profile), op, fault)
						})
					})
				}
			}
		}
	})
}

// The answer to the change is spoilt, the server can be asked afterwards: then
// the result tells exactly whether the server has the change, which was sent once.
func TestALostAnswerIsSettled(t *testing.T) {
	eachFault(t, func(t *testing.T, w world, op operation, fault devserver.Fault) {
		fault.Match, fault.Times = isWrite, 1
		w.Inject(fault)
		began := time.Now()
		err := op.do(t.Context(), w.client)
		require.Equal(t, op.done(w), err == nil, "%v", err)
		if err != nil {
			require.True(t, untouched(w))
			for _, definite := range []error{secret.ErrNotFound, secret.ErrExists, secret.ErrDenied, secret.ErrInvalid, secret.ErrUnauthenticated} {
				require.NotErrorIs(t, err, definite)
			}
		}
		if fault.After && !(fault.Hang && op.name == "rename" && !w.keepsRenames()) { // that leaves no time to do it otherwise
			require.NoError(t, err)
		}
		if writes := w.writes(); writes > 1 {
			require.False(t, w.keepsRenames())
			require.Equal(t, "rename", op.name)
			require.LessOrEqual(t, writes, 3, "ignored, create, delete")
		}
		require.LessOrEqual(t, time.Since(began), 10*time.Second)

		again := op.do(t.Context(), w.client)
		if err == nil && op.taken != nil {
			require.ErrorIs(t, again, op.taken)
		} else {
			require.NoError(t, again)
		}
		require.True(t, op.done(w))
	})
}

// Nothing gets through any more: an error in time, and the same again ends well.
func TestAChangeInAnOutage(t *testing.T) {
	eachFault(t, func(t *testing.T, w world, op operation, fault devserver.Fault) {
		remove := w.Inject(fault)
		began := time.Now()
		err := op.do(t.Context(), w.client)
		require.LessOrEqual(t, time.Since(began), 10*time.Second)
		require.LessOrEqual(t, w.writes(), 1)
		remove()
		if err == nil {
			// The server was not asked: the answer was whole where it counts.
			require.True(t, op.done(w))
			return
		}
		require.Condition(t, func() bool { return op.done(w) || untouched(w) }, "neither old nor new: %v", err)
		had := op.done(w)
		again := op.do(t.Context(), w.client)
		if had && op.taken != nil {
			require.ErrorIs(t, again, op.taken)
		} else {
			require.NoError(t, again)
		}
		require.True(t, op.done(w))
	})
}

// A name that is taken is ErrExists, whatever happens to the answers; or the
// failure, but never a change.
func TestRenameOntoATakenName(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		for name, fault := range faults {
			for when, after := range map[string]bool{"before": false, "after": true} {
				t.Run(name+"/"+when, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := ready(t, profile)
						fault.Match, fault.Times, fault.After = isWrite, 1, after
						w.Inject(fault)
						rename := func() error {
							_, err := w.client.Rename(t.Context(), dev, "GREETING", "DB_USER")
							return err
						}
						require.Error(t, rename())
						require.ErrorIs(t, rename(), secret.ErrExists)
						require.True(t, untouched(w))
						require.True(t, w.has("/", "DB_USER", "demo"))
					})
				})
			}
		}
	})
}
