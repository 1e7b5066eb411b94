package xattr

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// rsync asks for the length first, and takes another one for a failure. A folder
// may be fetched anew in between.
func TestTheDateOfAnAnswerHasOneLength(t *testing.T) {
	for _, nanoseconds := range []int{0, 1, 120_000_000, 999_999_999} {
		at := time.Date(2026, 1, 2, 3, 4, 5, nanoseconds, time.FixedZone("", 3600))
		text := moment(at)
		require.Len(t, text, 30)
		back, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		require.True(t, back.Equal(at))
	}
	require.Empty(t, moment(time.Time{}))
}

var (
	payments = secret.Dir{Project: "demo", Env: "dev", Path: "/payments"}
	shared   = secret.Dir{Project: "demo", Env: "prod", Path: "/shared"}
	noon     = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
)

// shown returns what is in a list, without what is not there.
func shown(list List) map[string]string {
	values := map[string]string{}
	for _, x := range list {
		if list.Has(Prefix + x.Name) {
			values[x.Name] = x.Value
		}
	}
	return values
}

func TestWhatFilesHave(t *testing.T) {
	snap := &secret.Folder{Dir: payments, Fetched: noon}
	stale := &secret.Folder{Dir: payments, Fetched: noon, Stale: true}
	for name, c := range map[string]struct {
		list List
		want string
	}{
		"bare": {OfSecret(snap, &secret.Secret{Name: "KEY"}),
			"type=shared key=KEY environment=dev path=/payments fetched_at=2026-01-02T12:00:00.000000000Z stale=false"},
		"full": {OfSecret(stale, &secret.Secret{Name: "KEY", ID: "id", Version: 7, Comment: "c", Tags: []string{"a", "b"}, Personal: true, Import: &shared, Updated: noon}),
			"id=id type=personal comment=c tags=a,b key=KEY environment=dev path=/payments import=/demo/prod/shared version=7 updated_at=2026-01-02T12:00:00Z fetched_at=2026-01-02T12:00:00.000000000Z stale=true"},
		"of a layout": {OfSecret(snap, &secret.Secret{Name: "key", Origin: &secret.Origin{Dir: shared, Name: "KEY"}}),
			"type=shared key=KEY environment=prod path=/shared fetched_at=2026-01-02T12:00:00.000000000Z stale=false"},
		"folder": {OfDir(payments), "key=payments environment=dev path=/payments"},
		"root":   {OfDir(secret.Dir{}), ""},
		"view":   {OfView(snap, noon), "environment=dev path=/payments updated_at=2026-01-02T12:00:00Z fetched_at=2026-01-02T12:00:00.000000000Z stale=false"},
	} {
		want := map[string]string{}
		for pair := range strings.FieldsSeq(c.want) {
			key, value, _ := strings.Cut(pair, "=")
			want[key] = value
		}
		require.Equal(t, want, shown(c.list), name)
		for attr := range want { // or a copy with attributes would fail
			_, errno := Settable(Prefix + attr)
			require.Zero(t, errno, attr)
		}
	}
}

func TestBuffers(t *testing.T) {
	list := List{{"id", "seven"}, {"comment", ""}, {"key", "KEY"}}
	for name, c := range map[string]struct {
		call func([]byte) (uint32, syscall.Errno)
		want string
	}{
		"get":  {func(b []byte) (uint32, syscall.Errno) { return list.Get(Prefix+"id", b) }, "seven"},
		"list": {func(b []byte) (uint32, syscall.Errno) { return list.Names(b) }, "user.infisical.id\x00user.infisical.key\x00"},
	} {
		n, errno := c.call(nil)
		require.Equal(t, syscall.ERANGE, errno, name)
		require.Len(t, c.want, int(n), name)
		buf := make([]byte, n)
		_, errno = c.call(buf[:n-1])
		require.Equal(t, syscall.ERANGE, errno, name)
		n, errno = c.call(buf)
		require.Zero(t, errno, name)
		require.Equal(t, c.want, string(buf[:n]), name)
	}
	for _, attr := range []string{Comment, "id", Prefix + "other", Prefix} {
		_, errno := list.Get(attr, make([]byte, 10))
		require.Equal(t, syscall.Errno(fuse.ENOATTR), errno, attr)
	}
}

func TestWhatSettingMeans(t *testing.T) {
	noattr := syscall.Errno(fuse.ENOATTR)
	for attr, c := range map[string]struct {
		foreign syscall.Errno
		note    bool
		errno   syscall.Errno
	}{
		Comment:                   {0, true, 0},
		Tags:                      {0, true, 0},
		Prefix + "version":        {0, false, 0},
		Prefix + "stale":          {0, false, 0},
		Prefix + "other":          {0, false, syscall.EPERM},
		"user.other":              {noattr, false, syscall.ENOTSUP},
		"security.capability":     {noattr, false, syscall.ENOTSUP},
		"system.posix_acl_access": {syscall.ENOTSUP, false, syscall.ENOTSUP},
	} {
		note, errno := Settable(attr)
		require.Equal(t, c.foreign, Foreign(attr), attr)
		require.Equal(t, c.note, note, attr)
		require.Equal(t, c.errno, errno, attr)
	}
	for _, c := range []struct {
		flags uint32
		there bool
		want  syscall.Errno
	}{
		{0, true, 0}, {0, false, 0}, {Create, false, 0}, {Create, true, syscall.EEXIST}, {Replace, true, 0}, {Replace, false, noattr},
	} {
		require.Equal(t, c.want, Allows(c.flags, c.there))
	}
}

func TestNotes(t *testing.T) {
	var n Notes
	_, due := n.Take()
	require.False(t, due)
	require.Empty(t, shown(n.List()))
	require.Equal(t, syscall.Errno(fuse.ENOATTR), n.Set(Comment, "c", Replace))
	require.Zero(t, n.Set(Comment, "c", Create))
	require.Equal(t, syscall.EEXIST, n.Set(Comment, "d", Create))
	require.Zero(t, n.Set(Tags, "one, two\nthree", 0))
	require.Equal(t, map[string]string{"comment": "c", "tags": "one,two,three"}, shown(n.List()))
	note, due := n.Take()
	require.True(t, due)
	require.Equal(t, Note{Comment: new("c"), Tags: []string{"one", "two", "three"}}, note)
	_, due = n.Take()
	require.False(t, due, "it is sent once")

	require.Zero(t, n.Set(Tags, "", 0))
	note, due = n.Take()
	require.True(t, due, "to have no tags is something to set")
	require.Nil(t, note.Comment)
	require.NotNil(t, note.Tags)
	require.Empty(t, note.Tags)
}

func TestWhatIsNoted(t *testing.T) {
	require.False(t, NotedOn(&secret.Secret{Tags: []string{"a"}}, Comment))
	require.True(t, NotedOn(&secret.Secret{Tags: []string{"a"}}, Tags))
	require.True(t, NotedOn(&secret.Secret{Comment: "c"}, Comment))
	require.False(t, NotedOn(&secret.Secret{Comment: "c"}, Tags))
}
