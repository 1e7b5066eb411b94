package unsent

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

var dir = secret.Dir{Project: "demo", Env: "dev", Path: "/"}

func newStore() *Store {
	return New(func(key string, n uint64) string { return fmt.Sprintf("%s.%d", key, n) })
}

func (s *Store) names() (names []string) {
	for _, t := range s.List() {
		names = append(names, t.Name)
	}
	return names
}

func text(key, value string, only bool) Text {
	return Text{Dir: dir, Key: key, Value: secret.NewValue(value), UID: 1000, Only: only}
}

// However many old values come, text that exists nowhere else stays, and of the
// old ones the newest do.
func TestOldValuesMakeRoomForOldValuesOnly(t *testing.T) {
	s := newStore()
	s.Keep(text("TYPED", "typed", true))
	gone := 0
	for i := range 2 * MaxOld {
		_, dropped := s.Keep(text("OLD", fmt.Sprint(i), false))
		gone += dropped
	}
	require.Equal(t, MaxOld, gone)
	require.Len(t, s.List(), MaxOld+1)
	require.Equal(t, "typed", s.Find("TYPED.1").Value.Reveal())
	require.Equal(t, fmt.Sprint(MaxOld), s.List()[1].Value.Reveal(), "the oldest that is left")

	large := make([]byte, MaxOldBytes/2+1)
	for _, key := range []string{"A", "B"} {
		s.Keep(text(key, string(large), false))
	}
	require.Equal(t, []string{"TYPED.1", s.List()[1].Name}, s.names(), "bytes count as well")
}

// The same text of the same user is kept once, for the better reason, and under
// the name that it has.
func TestEqualTextIsKeptOnce(t *testing.T) {
	s := newStore()
	s.Keep(text("KEY", "same", false))
	kept, _ := s.Keep(text("KEY", "same", true))
	require.Equal(t, "KEY.1", kept.Name)
	require.True(t, kept.Only)
	again, _ := s.Keep(text("KEY", "same", false))
	require.True(t, again.Only, "it does still exist nowhere else")
	other := text("KEY", "same", true)
	other.UID = 1
	s.Keep(other)
	s.Keep(text("OTHER", "same", true))
	require.Equal(t, []string{"KEY.1", "KEY.2", "OTHER.3"}, s.names())
}

// What the server has is not unsent any more; what its writer has written anew
// is an old value.
func TestStoredAndSuperseded(t *testing.T) {
	s := newStore()
	for _, value := range []string{"one", "two"} {
		s.Keep(text("KEY", value, true))
	}
	s.Keep(text("KEY", "three", false))
	s.Stored(dir, "KEY", secret.NewValue("two"))
	s.Stored(dir, "KEY", secret.NewValue("three"))
	s.Stored(dir, "OTHER", secret.NewValue("one"))
	require.Equal(t, []string{"KEY.1", "KEY.3"}, s.names())
	s.Supersede("KEY.1")
	s.Supersede("no such")
	require.False(t, s.Find("KEY.1").Only)
	require.Empty(t, s.only, "nothing of the budget is taken")
	require.Equal(t, usage{2, len("one") + len("three")}, s.old)
}

// Each user has a budget, which ends the making of texts and nothing else.
func TestRooms(t *testing.T) {
	s := newStore()
	rooms := make([]Room, MaxBytes/step)
	for i := range rooms {
		require.NoError(t, s.Grow(&rooms[i], 1000, 1))
		require.NoError(t, s.Grow(&rooms[i], 1000, step), "the first step has room for it")
	}
	var more, other Room
	require.ErrorIs(t, s.Grow(&more, 1000, 1), ErrFull)
	require.ErrorIs(t, s.Grow(&rooms[0], 1000, step+1), ErrFull)
	require.NoError(t, s.Grow(&other, 1, 1<<20), "somebody else's")
	s.Keep(text("KEY", "refused", true)) // never refuses

	s.Give(&rooms[0])
	s.Give(&rooms[0]) // once
	require.ErrorIs(t, s.Grow(&more, 1000, 1), ErrFull, "the kept text has taken some of it")
	s.Give(&rooms[1])
	require.NoError(t, s.Grow(&more, 1000, 1))
	require.True(t, s.Remove("KEY.1"))
	require.False(t, s.Remove("KEY.1"))
	for i := range rooms {
		s.Give(&rooms[i])
	}
	s.Give(&more)
	s.Give(&other)
	require.Empty(t, s.only)

	users := make([]Room, MaxAllBytes/MaxBytes)
	for i := range users {
		require.NoError(t, s.Grow(&users[i], uint32(i), MaxBytes))
	}
	require.ErrorIs(t, s.Grow(&more, 1000, 1), ErrFull, "all users together have a bound as well")
	for i := range users {
		s.Give(&users[i])
	}
	require.Zero(t, s.all)

	s.use(1000, MaxTexts, 0)
	require.ErrorIs(t, s.Grow(&more, 1000, 1), ErrFull, "texts count as well as bytes")
	s.use(1000, -MaxTexts, 0)
	s.Keep(text("KEY", "refused", true))
	s.Clear()
	require.Empty(t, s.only)
	require.Empty(t, s.List())
}
