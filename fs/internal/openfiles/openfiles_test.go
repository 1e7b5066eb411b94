package openfiles

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

var (
	dev  = secret.Dir{Project: "demo"}.Child("dev")
	prod = secret.Dir{Project: "demo"}.Child("prod")
)

// file shows a text until it is revoked.
type file struct {
	dir   secret.Dir
	shows string
}

func (f *file) Folder() secret.Dir { return f.dir }
func (f *file) Revoke()            { f.shows = "" }

func (s *Set) list() (list []File) {
	s.Each(func(f File) bool { list = append(list, f); return true })
	return list
}

func TestWhatIsLostIsRevoked(t *testing.T) {
	var s Set
	a, b := &file{dir: dev}, &file{dir: prod}
	for _, f := range []*file{a, b} {
		require.NoError(t, s.Open(f, func() error { f.shows = "text"; return nil }))
	}
	require.ElementsMatch(t, []File{a, b}, s.list())
	require.Equal(t, []File{a}, s.Revoke(func(f File) bool { return f.Folder() == dev }))
	require.Empty(t, a.shows)
	require.Equal(t, "text", b.shows)
	require.ElementsMatch(t, []File{a, b}, s.list(), "it stays open")
	s.Close(a)
	s.Close(a)
	require.Equal(t, []File{b}, s.list())
	seen := 0
	s.Each(func(File) bool { seen++; return false })
	require.Equal(t, 1, seen)
}

// What was loaded while something was revoked may be what was revoked.
func TestWhatIsRevokedMeanwhileIsLoadedAgain(t *testing.T) {
	var s Set
	f, loads := &file{dir: dev}, 0
	require.NoError(t, s.Open(f, func() error {
		loads++
		if loads < 3 {
			require.Empty(t, s.Revoke(func(File) bool { return true }), "it is not there yet")
		}
		f.shows = "text"
		return nil
	}))
	require.Equal(t, 3, loads)
	require.Equal(t, "text", f.shows)
}

func TestWhatCannotBeLoadedIsNotOpen(t *testing.T) {
	var s Set
	f, failed := &file{dir: dev}, errors.New("denied")
	require.NoError(t, s.Open(f, func() error { f.shows = "text"; return nil }))
	require.Equal(t, failed, s.Open(f, func() error { f.shows = "half"; return failed }), "it is loaded anew")
	require.Empty(t, f.shows)
	require.Empty(t, s.list())
}

func TestList(t *testing.T) {
	var l List[*file]
	a, b := &file{}, &file{}
	l.Drop(a)
	require.Empty(t, l.All())
	l.Add(a)
	l.Add(b)
	l.Add(a)
	require.ElementsMatch(t, []*file{a, b}, l.All())
	l.Drop(a)
	require.Equal(t, []*file{b}, l.All())
}
