// Package inode says which number an inode has. A number is made from what the
// inode is, so that it survives both a new value and a new mount: backup programs
// and watchers recognise files by it. go-fuse takes two nodes of equal number and
// generation for one, so both are filled from a hash that nobody can steer: names
// are chosen by people, and nobody shall be able to make one secret show another.
//
//	root := inode.OfDir(dir)
//	key := inode.Child(root, syscall.S_IFREG, "KEY")
//
// Each is derived from the directory's own, so that what is below a renamed
// directory and below its successor cannot be mistaken for each other. Where nodes
// come and go by renames, [Renames] says which number a place has now.
package inode

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/secret"
)

// OfDir identifies the list of projects, a project, an environment or a folder.
func OfDir(d secret.Dir) fusefs.StableAttr {
	if d == (secret.Dir{}) {
		return identify(syscall.S_IFDIR, "root")
	}
	return Child(OfDir(d.Parent()), syscall.S_IFDIR, d.Name())
}

// OfSecret identifies the secret of that name, which is the server's.
func OfSecret(d secret.Dir, name string) fusefs.StableAttr {
	return Child(OfDir(d), syscall.S_IFREG, name)
}

// Child identifies a directory (S_IFDIR) or secret (S_IFREG) in parent.
func Child(parent fusefs.StableAttr, mode uint32, name string) fusefs.StableAttr {
	return identify(mode, "child", number(parent.Ino), number(parent.Gen), number(uint64(mode)), name)
}

// Control identifies what is in .infisicalfs; the empty name is that directory
// itself.
func Control(mode uint32, name string) fusefs.StableAttr {
	return identify(mode, "control", name)
}

// ofProcess tells what each process counts for itself from what another counts that has
// served the same mount before: the kernel may know that by its number still.
var ofProcess = rand.Text()

// ScratchFile identifies the n-th scratch file of this process.
func ScratchFile(n uint64) fusefs.StableAttr {
	return identify(syscall.S_IFREG, "scratch", ofProcess, number(n))
}

// ScratchDir is ScratchFile for a scratch directory; they count together.
func ScratchDir(n uint64) fusefs.StableAttr {
	return identify(syscall.S_IFDIR, "scratch", ofProcess, number(n))
}

// Generation identifies a generation of a folder that looks like a volume of
// Kubernetes, by the name of its directory in that.
func Generation(parent fusefs.StableAttr, name string) fusefs.StableAttr {
	return identify(syscall.S_IFDIR, "generation", number(parent.Ino), number(parent.Gen), name)
}

// View identifies a view of a folder, by its file name.
func View(parent fusefs.StableAttr, shown string) fusefs.StableAttr {
	return identify(syscall.S_IFREG, "view", number(parent.Ino), number(parent.Gen), shown)
}

// Aside identifies the directory of this process in which views have a second name.
func Aside() fusefs.StableAttr { return aside }

var aside = identify(syscall.S_IFDIR, "aside", ofProcess)

func identify(mode uint32, parts ...string) fusefs.StableAttr {
	var small [512]byte // enough for any file name
	text := small[:0]
	for _, part := range parts {
		// The length in front keeps ("a", "bc") and ("ab", "c") apart.
		text = binary.BigEndian.AppendUint64(text, uint64(len(part)))
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	id := fusefs.StableAttr{
		Mode: mode,
		Ino:  binary.BigEndian.Uint64(sum[0:8]),
		Gen:  binary.BigEndian.Uint64(sum[8:16]),
	}
	if id.Ino <= 1 || id.Reserved() { // 0 means none, 1 the root, and go-fuse keeps one for itself
		id.Ino ^= 1 << 62
	}
	return id
}

func number(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }

// Renames counts how often the node of a place went elsewhere: the next node
// there must be another one, as the old may still be in use. And it knows what
// came to a place from elsewhere: that keeps its number, also if the kernel lets
// go of it. It holds one entry for each place that something was renamed from or
// to during the mount.
//
// A place is what [Child] says of a directory's node and a name. The zero Renames
// is ready, and safe for concurrent use.
type Renames struct {
	mu    sync.Mutex // guards what follows
	times map[fusefs.StableAttr]uint64
	came  map[fusefs.StableAttr]fusefs.StableAttr
	note  func(Record)
	count uint64 // of all changes
}

// Count returns a number that is another one after each change.
func (r *Renames) Count() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// Record is what Renames know of a place, for another process that is to go on with a
// mount: the kernel knows the nodes by their numbers.
type Record struct {
	Place fusefs.StableAttr `json:"place"`
	Times uint64            `json:"times,omitempty"` // how often its node went elsewhere
	Came  fusefs.StableAttr `json:"came"`            // the node that came from elsewhere; the zero one: none
}

// Note has each change told, as what is known of its place from then on. Call it once, before
// anything else. The function must return at once.
func (r *Renames) Note(note func(Record)) { r.note = note }

// Records returns all that is known.
func (r *Renames) Records() (list []Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for place := range r.times {
		list = append(list, r.record(place))
	}
	for place := range r.came {
		if r.times[place] == 0 {
			list = append(list, r.record(place))
		}
	}
	return list
}

// Recall takes in what Records of an earlier process has returned, in the place of all
// that is known.
func (r *Renames) Recall(list []Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times, r.came = map[fusefs.StableAttr]uint64{}, map[fusefs.StableAttr]fusefs.StableAttr{}
	r.count++
	for _, c := range list {
		if c.Times > 0 {
			r.times[c.Place] = c.Times
		}
		if c.Came != (fusefs.StableAttr{}) {
			r.came[c.Place] = c.Came
		}
	}
}

// record is called with the lock held.
func (r *Renames) record(place fusefs.StableAttr) Record {
	return Record{place, r.times[place], r.came[place]}
}

// tell is called with the lock held, and lets it go.
func (r *Renames) tell(place fusefs.StableAttr) {
	now := r.record(place)
	r.mu.Unlock()
	if r.note != nil {
		r.note(now)
	}
}

// Arrived says that the node with identity id is at place now.
func (r *Renames) Arrived(place, id fusefs.StableAttr) {
	r.mu.Lock()
	if r.came == nil {
		r.came = make(map[fusefs.StableAttr]fusefs.StableAttr)
	}
	r.came[place] = id
	r.count++
	r.tell(place)
}

// Left says that the node of that identity went elsewhere.
func (r *Renames) Left(id fusefs.StableAttr) {
	r.mu.Lock()
	if r.times == nil {
		r.times = make(map[fusefs.StableAttr]uint64)
	}
	r.times[id]++
	delete(r.came, id)
	r.count++
	r.tell(id)
}

// Fresh returns the identity of the place's present node.
func (r *Renames) Fresh(id fusefs.StableAttr) fusefs.StableAttr {
	r.mu.Lock()
	n := r.times[id]
	came, ok := r.came[id]
	r.mu.Unlock()
	switch {
	case ok:
		return came
	case n == 0:
		return id
	}
	return identify(id.Mode, "again", number(id.Ino), number(id.Gen), number(n))
}
