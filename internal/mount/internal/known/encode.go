package known

import (
	"encoding/binary"
	"slices"
	"time"

	"infisicalfs/cache"
	"infisicalfs/secret"
)

// The memory has, in this order:
//
//	magic, format, clock, number of folders, folders
//	folder: flags, four ages, dir, revision, denial, its secrets, its subfolders
//
// Numbers are varints, but for the clock and ages, which are nanoseconds in eight bytes:
// how many bytes a folder takes does not depend on when it is written. Texts and lists have
// their length in front.

const magic = "ifsknown"

// Flags of a folder, from the lowest bit.
const (
	flagShown = 1 << iota
	flagOwnList
	flagSuspect
	flagDependent
	flagHoles
	flagImports
	flagPartial
	flagNoSubfolders
	flagDenied
	flagNeverHadSecrets
	endOfFlags
)

// Flags of a secret.
const (
	flagHidden = 1 << iota
	flagGarbled
	flagPersonal
	flagRotated
	flagImport
	flagOrigin
	endOfSecretFlags
)

// never is the age of what has not happened.
const never = -1

// encoder writes, or only counts.
type encoder struct {
	to   []byte // nil: only count
	size int    // so far
	at   time.Time
}

// fitting returns as much of list as fits into limit bytes, in the order in which it is to
// be written.
func fitting(list []cache.Known, limit int) []cache.Known {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b cache.Known) int {
		if a, b := a.Folder.Dir.IsFolder(), b.Folder.Dir.IsFolder(); a != b {
			if b {
				return -1
			}
			return 1
		}
		return b.Folder.Fetched.Compare(a.Folder.Fetched)
	})
	var head encoder
	head.head(0, len(list))
	left := limit - head.size
	return slices.DeleteFunc(list, func(k cache.Known) bool {
		var one encoder
		one.known(k)
		if one.size > left {
			return true
		}
		left -= one.size
		return false
	})
}

// document writes all of it; clock is what the machine's clock says at e.at.
func (e *encoder) document(clock time.Duration, list []cache.Known) {
	e.head(clock, len(list))
	for _, k := range list {
		e.known(k)
	}
}

func (e *encoder) head(clock time.Duration, folders int) {
	e.bytes([]byte(magic))
	e.number(format)
	e.fixed(int64(clock))
	e.number(uint64(folders))
}

func (e *encoder) known(k cache.Known) {
	f := k.Folder
	e.number(flags(k.Shown, k.OwnList, k.Suspect, k.Dependent, k.Holes, f.Imports, f.Partial, f.NoSubfolders, f.Denied != nil, f.NeverHadSecrets))
	for _, t := range []time.Time{k.Used, k.Asked, f.Fetched, f.Answered} {
		e.age(t)
	}
	e.dir(f.Dir)
	e.text(f.Revision)
	if f.Denied != nil {
		e.text(f.Denied.Error())
	}
	e.number(uint64(len(f.Secrets)))
	for i := range f.Secrets {
		e.secret(&f.Secrets[i])
	}
	e.number(uint64(len(f.Folders)))
	for _, sub := range f.Folders {
		e.text(sub.Name)
		e.text(sub.ID)
		e.date(sub.Updated)
	}
}

func (e *encoder) secret(s *secret.Secret) {
	e.number(flags(s.Hidden, s.Garbled, s.Personal, s.Rotated, s.Import != nil, s.Origin != nil))
	e.text(s.Name)
	e.text(s.ID)
	e.number(uint64(s.Version))
	e.value(s.Value)
	e.text(s.Reason)
	e.text(s.Comment)
	e.number(uint64(len(s.Tags)))
	for _, tag := range s.Tags {
		e.text(tag)
	}
	e.number(uint64(len(s.Metadata)))
	for _, m := range s.Metadata {
		e.text(m.Key)
		e.text(m.Value)
	}
	if s.Import != nil {
		e.dir(*s.Import)
	}
	if s.Origin != nil {
		e.dir(s.Origin.Dir)
		e.text(s.Origin.Name)
	}
	e.date(s.Created)
	e.date(s.Updated)
}

func flags(list ...bool) (n uint64) {
	for i, set := range list {
		if set {
			n |= 1 << i
		}
	}
	return n
}

// room returns what is to be written to, nil if it is only counted.
func (e *encoder) room(n int) []byte {
	at := e.size
	e.size += n
	if e.to == nil {
		return nil
	}
	return e.to[at:e.size]
}

func (e *encoder) bytes(b []byte) { copy(e.room(len(b)), b) }

func (e *encoder) text(s string) {
	e.number(uint64(len(s)))
	copy(e.room(len(s)), s)
}

// value leaves no other copy behind.
func (e *encoder) value(v secret.Value) {
	e.number(uint64(v.Len()))
	v.CopyAt(e.room(v.Len()), 0)
}

func (e *encoder) number(n uint64) {
	var buf [binary.MaxVarintLen64]byte
	e.bytes(buf[:binary.PutUvarint(buf[:], n)])
}

func (e *encoder) fixed(n int64) {
	var buf [8]byte
	binary.LittleEndian.PutUint64(buf[:], uint64(n))
	e.bytes(buf[:])
}

// age is for what a clock of this process has said.
func (e *encoder) age(t time.Time) {
	if t.IsZero() {
		e.fixed(never)
		return
	}
	e.fixed(int64(max(e.at.Sub(t), 0)))
}

// date is for what the server says.
func (e *encoder) date(t time.Time) {
	var buf [binary.MaxVarintLen64]byte
	e.bytes(buf[:binary.PutVarint(buf[:], t.Unix())])
	e.number(uint64(t.Nanosecond()))
}

func (e *encoder) dir(d secret.Dir) {
	e.text(d.Project)
	e.text(d.Env)
	e.text(d.Path)
}
