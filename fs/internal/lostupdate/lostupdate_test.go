package lostupdate

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/secret"
)

var (
	dir, elsewhere = secret.Dir{Project: "demo", Env: "dev", Path: "/"}, secret.Dir{Project: "demo", Env: "prod", Path: "/"}
	ann, bob       = caller.Process{PID: 7}, caller.Process{PID: 8}
	nobody         caller.Process
)

func version(n int) *secret.Secret { return &secret.Secret{Name: "KEY", ID: "id", Version: n} }

func is(n int) Base { return Base{"id", n} }

func TestBaseOf(t *testing.T) {
	require.Equal(t, is(3), BaseOf(version(3)))
	require.NotEqual(t, is(1), BaseOf(&secret.Secret{ID: "made again", Version: 1}))
	require.Equal(t, Base{}, BaseOf(&secret.Secret{ID: "id", Version: 3, Import: &elsewhere}), "it is another folder's")
	require.Equal(t, is(4), is(3).Next())
}

// What is known after some reads, writes and changes.
func TestWhatAProcessKnows(t *testing.T) {
	type known struct {
		read  Base
		ok    bool
		wrote Base
	}
	for name, c := range map[string]struct {
		do   func(*Bases)
		want known // ann's of KEY
	}{
		"nothing":                    {func(*Bases) {}, known{}},
		"read":                       {func(b *Bases) { b.NoteRead(ann, dir, "KEY", version(3)) }, known{is(3), true, Base{}}},
		"read by another":            {func(b *Bases) { b.NoteRead(bob, dir, "KEY", version(3)) }, known{}},
		"read by nobody":             {func(b *Bases) { b.NoteRead(nobody, dir, "KEY", version(3)) }, known{}},
		"read elsewhere":             {func(b *Bases) { b.NoteRead(ann, elsewhere, "KEY", version(3)) }, known{}},
		"another read":               {func(b *Bases) { b.NoteRead(ann, dir, "OTHER", version(3)) }, known{}},
		"read twice":                 {func(b *Bases) { b.NoteRead(ann, dir, "KEY", version(3)); b.NoteRead(ann, dir, "KEY", version(4)) }, known{is(4), true, Base{}}},
		"written, never read":        {func(b *Bases) { b.NoteWrite(ann, dir, "KEY", version(3)) }, known{is(3), false, is(3)}},
		"read, then written":         {func(b *Bases) { b.NoteRead(ann, dir, "KEY", version(3)); b.NoteWrite(ann, dir, "KEY", version(4)) }, known{is(4), true, is(4)}},
		"written, then a stale read": {func(b *Bases) { b.NoteWrite(ann, dir, "KEY", version(4)); b.NoteRead(ann, dir, "KEY", version(3)) }, known{is(3), true, is(4)}},
		"read, then rebased":         {func(b *Bases) { b.NoteRead(ann, dir, "KEY", version(3)); b.Rebase(dir, "KEY", is(3), is(4)) }, known{is(4), true, Base{}}},
		"an older one, then rebased": {func(b *Bases) { b.NoteRead(ann, dir, "KEY", version(2)); b.Rebase(dir, "KEY", is(3), is(4)) }, known{is(2), true, Base{}}},
		"another is rebased":         {func(b *Bases) { b.NoteRead(ann, dir, "KEY", version(3)); b.Rebase(dir, "OTHER", is(3), is(4)) }, known{is(3), true, Base{}}},
		"read, then forgotten":       {func(b *Bases) { b.NoteRead(ann, dir, "KEY", version(3)); b.Forget(dir, "KEY") }, known{}},
		"another is forgotten":       {func(b *Bases) { b.NoteRead(ann, dir, "KEY", version(3)); b.Forget(dir, "OTHER") }, known{is(3), true, Base{}}},
		"read and renamed": {func(b *Bases) {
			b.NoteRead(ann, dir, "OLD", version(3))
			b.Rename(ann, dir, "OLD", "KEY", is(3), is(4))
		}, known{is(4), true, is(4)}},
		"an older one and renamed": {func(b *Bases) {
			b.NoteRead(ann, dir, "OLD", version(2))
			b.Rename(ann, dir, "OLD", "KEY", is(3), is(4))
		}, known{is(2), true, Base{}}},
		"never read, and renamed": {func(b *Bases) { b.Rename(ann, dir, "OLD", "KEY", is(3), is(4)) }, known{}},
		"read, and renamed by others": {func(b *Bases) {
			b.NoteRead(ann, dir, "OLD", version(3))
			b.Rename(bob, dir, "OLD", "KEY", is(3), is(4))
		}, known{}},
		"another was renamed to it": {func(b *Bases) {
			b.NoteRead(ann, dir, "KEY", version(3))
			b.Rename(bob, dir, "OLD", "KEY", is(7), is(8))
		}, known{}},
	} {
		var b Bases
		c.do(&b)
		read, ok := b.LastRead(ann, dir, "KEY")
		require.Equal(t, c.want, known{read, ok, b.LastWritten(ann, dir, "KEY")}, name)
	}
}

// The oldest is forgotten first, and what was forgotten does not count.
func TestSoManyAreRemembered(t *testing.T) {
	var b Bases
	for i := range maxBases {
		b.NoteRead(ann, dir, fmt.Sprint("KEY_", i), version(1))
	}
	b.NoteRead(ann, dir, "KEY_0", version(2)) // which makes it no younger
	b.Forget(dir, "KEY_1")
	knows := func(name string) bool { _, ok := b.LastRead(ann, dir, name); return ok }
	b.NoteRead(ann, dir, "MORE", version(1))
	require.True(t, knows("KEY_0"))
	b.NoteRead(ann, dir, "STILL_MORE", version(1))
	require.False(t, knows("KEY_0"))
	require.True(t, knows("KEY_2"))
	require.True(t, knows("STILL_MORE"))
	require.Len(t, b.known, maxBases)
}
