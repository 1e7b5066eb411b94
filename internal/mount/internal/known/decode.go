package known

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"infisicalfs/cache"
	"infisicalfs/secret"
)

// decoder reads what an encoder wrote. After the first failure it reads zeros.
type decoder struct {
	from    []byte // what is left
	at      time.Time
	elapsed time.Duration // since it was written
	failed  bool
}

var errDamaged = errors.New("it is not what was written")

// document reads all of it; clock is what the machine's clock says at d.at.
func (d *decoder) document(clock time.Duration) ([]cache.Known, error) {
	if string(d.bytes(uint64(len(magic)))) != magic {
		return nil, errDamaged
	}
	if got := d.number(); got != format && !d.failed {
		return nil, fmt.Errorf("%w, %d and not %d", ErrFormat, got, format)
	}
	if d.elapsed = clock - time.Duration(d.fixed()); d.elapsed < 0 {
		return nil, errors.New("it was written by another clock")
	}
	list := make([]cache.Known, d.length(leastFolder))
	for i := range list {
		list[i] = d.known()
	}
	if d.failed || len(d.from) > 0 {
		return nil, errDamaged
	}
	return list, nil
}

func (d *decoder) known() (k cache.Known) {
	f := &secret.Folder{}
	set := d.flags(endOfFlags)
	k = cache.Known{
		Folder: f,
		Shown:  set&flagShown != 0, OwnList: set&flagOwnList != 0,
		Suspect: set&flagSuspect != 0, Dependent: set&flagDependent != 0, Holes: set&flagHoles != 0,
	}
	f.Imports, f.Partial, f.NoSubfolders = set&flagImports != 0, set&flagPartial != 0, set&flagNoSubfolders != 0
	f.NeverHadSecrets = set&flagNeverHadSecrets != 0
	for _, t := range []*time.Time{&k.Used, &k.Asked, &f.Fetched, &f.Answered} {
		*t = d.age()
	}
	f.Dir = d.dir()
	f.Revision = d.text()
	if set&flagDenied != 0 {
		f.Denied = &denial{d.text()}
	}
	if n := d.length(leastSecret); n > 0 {
		f.Secrets = make([]secret.Secret, n)
		var values secret.Batch
		for i := range f.Secrets {
			d.secret(&f.Secrets[i], &values)
		}
	}
	if n := d.length(1); n > 0 {
		f.Folders = make([]secret.Subfolder, n)
		for i := range f.Folders {
			f.Folders[i] = secret.Subfolder{Name: d.text(), ID: d.text(), Updated: d.date()}
		}
	}
	return k
}

func (d *decoder) secret(s *secret.Secret, values *secret.Batch) {
	set := d.flags(endOfSecretFlags)
	s.Hidden, s.Garbled = set&flagHidden != 0, set&flagGarbled != 0
	s.Personal, s.Rotated = set&flagPersonal != 0, set&flagRotated != 0
	s.Name, s.ID = d.text(), d.text()
	s.Version = int(d.number())
	s.Value = values.Add(d.bytes(d.number()))
	s.Reason, s.Comment = d.text(), d.text()
	if n := d.length(1); n > 0 {
		s.Tags = make([]string, n)
		for i := range s.Tags {
			s.Tags[i] = d.text()
		}
	}
	if n := d.length(1); n > 0 {
		s.Metadata = make([]secret.Metadata, n)
		for i := range s.Metadata {
			s.Metadata[i] = secret.Metadata{Key: d.text(), Value: d.text()}
		}
	}
	if set&flagImport != 0 {
		dir := d.dir()
		s.Import = &dir
	}
	if set&flagOrigin != 0 {
		s.Origin = &secret.Origin{Dir: d.dir(), Name: d.text()}
	}
	s.Created, s.Updated = d.date(), d.date()
}

// denial is why a folder's secrets may not be listed, in the words of the process before.
type denial struct{ text string }

func (e *denial) Error() string { return e.text }
func (e *denial) Unwrap() error { return secret.ErrDenied }

// bytes returns the next n, which are those of the memory.
func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.from)) {
		d.failed, d.from = true, nil
	}
	if d.failed {
		return nil
	}
	b := d.from[:n]
	d.from = d.from[n:]
	return b
}

func (d *decoder) text() string { return string(d.bytes(d.number())) }

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.from)
	if size <= 0 {
		d.bytes(math.MaxUint64)
		return 0
	}
	d.from = d.from[size:]
	return n
}

// How many bytes a folder and a secret take at least: what claims to have more of them than
// there can be takes no memory.
const (
	leastFolder = 1 + 4*8
	leastSecret = 9 + 4
)

// length is of a list, of which each element takes that many bytes at least.
func (d *decoder) length(least int) int {
	n := d.number()
	if n > uint64(len(d.from)/least) {
		d.bytes(math.MaxUint64)
		return 0
	}
	return int(n)
}

// flags fails if there is one that is not known.
func (d *decoder) flags(end uint64) uint64 {
	n := d.number()
	if n >= end {
		d.bytes(math.MaxUint64)
		return 0
	}
	return n
}

func (d *decoder) fixed() int64 {
	b := d.bytes(8)
	if b == nil {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(b))
}

// age returns when that was, by this process's clock. What was written is never younger
// now than it was then.
func (d *decoder) age() time.Time {
	age := d.fixed()
	if age == never {
		return time.Time{}
	}
	if age < 0 || age > math.MaxInt64/4 {
		d.bytes(math.MaxUint64)
		return time.Time{}
	}
	return d.at.Add(-time.Duration(age) - min(d.elapsed, math.MaxInt64/4))
}

func (d *decoder) date() time.Time {
	seconds, size := binary.Varint(d.from)
	if size <= 0 {
		d.bytes(math.MaxUint64)
		return time.Time{}
	}
	d.from = d.from[size:]
	t := time.Unix(seconds, int64(d.number()%1e9)).UTC()
	if t.IsZero() {
		return time.Time{}
	}
	return t
}

func (d *decoder) dir() secret.Dir {
	return secret.Dir{Project: d.text(), Env: d.text(), Path: d.text()}
}
