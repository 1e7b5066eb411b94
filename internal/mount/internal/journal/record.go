package journal

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"infisicalfs/internal/mount/internal/kernelstate"
)

// kind says what a record is about.
type kind byte

const (
	kindEpoch     kind = iota + 1 // number
	kindNode                      // id, parent, lookups, name
	kindForgotten                 // id, lookups
	kindHandle                    // number, node, version, salt, flags, answer, status, bits
	kindClosed                    // number
	kindBlob                      // length of the name, name, content
)

const recordHead = 5 // kind and length

// The bits of a handle's record.
const (
	bitDir = 1 << iota
	bitAny
)

// record is one that is being written.
type record struct{ bytes []byte }

// begin has end, which is given what begin returns, write the length of what is added
// in between.
func (r *record) begin(k kind) (at int) {
	at = len(r.bytes)
	r.bytes = append(r.bytes, byte(k), 0, 0, 0, 0)
	return at
}

func (r *record) end(at int) {
	native.PutUint32(r.bytes[at+1:], uint32(len(r.bytes)-at-recordHead))
}

func (r *record) number(n uint64) { r.bytes = native.AppendUint64(r.bytes, n) }
func (r *record) small(n uint32)  { r.bytes = native.AppendUint32(r.bytes, n) }

func (r *record) epoch(n uint64) {
	defer r.end(r.begin(kindEpoch))
	r.number(n)
}

// node says that a node was looked up, n.Lookups times.
func (r *record) node(n kernelstate.Node) {
	defer r.end(r.begin(kindNode))
	r.number(n.ID)
	r.number(n.Parent)
	r.number(n.Lookups)
	r.bytes = append(r.bytes, n.Name...)
}

func (r *record) forgotten(id, lookups uint64) {
	defer r.end(r.begin(kindForgotten))
	r.number(id)
	r.number(lookups)
}

func (r *record) handle(h kernelstate.Handle) {
	defer r.end(r.begin(kindHandle))
	r.number(h.Number)
	r.number(h.Node)
	r.number(h.Version)
	r.number(h.Salt)
	r.small(h.Flags)
	r.small(h.Answer)
	r.small(uint32(h.Status))
	var bits uint32
	if h.Dir {
		bits |= bitDir
	}
	if h.Any {
		bits |= bitAny
	}
	r.small(bits)
}

func (r *record) closed(number uint64) {
	defer r.end(r.begin(kindClosed))
	r.number(number)
}

func (r *record) blob(name string, blob []byte) {
	defer r.end(r.begin(kindBlob))
	r.small(uint32(len(name)))
	r.bytes = append(append(r.bytes, name...), blob...)
}

// contents is what records come to.
type contents struct {
	epoch   uint64
	nodes   map[uint64]kernelstate.Node
	handles map[uint64]kernelstate.Handle
	blobs   map[string][]byte
}

func newContents() *contents {
	return &contents{nodes: map[uint64]kernelstate.Node{}, handles: map[uint64]kernelstate.Handle{}, blobs: map[string][]byte{}}
}

var errShort = errors.New("a record is too short")

// replay reads records, of which nothing is kept.
func (c *contents) replay(area []byte) error {
	for len(area) > 0 {
		if len(area) < recordHead {
			return errShort
		}
		length := int(native.Uint32(area[1:]))
		if length > len(area)-recordHead {
			return errShort
		}
		r := reader{bytes: area[recordHead : recordHead+length]}
		if !c.add(kind(area[0]), &r) {
			return fmt.Errorf("a record of the unknown kind %d", area[0])
		}
		if r.short {
			return errShort
		}
		area = area[recordHead+length:]
	}
	return nil
}

// add takes one record in, and reports whether it knows its kind. Lookups and what was
// forgotten may have been written in another order than they came in: they add up.
func (c *contents) add(k kind, r *reader) bool {
	switch k {
	case kindEpoch:
		c.epoch = r.number()
	case kindNode:
		n := kernelstate.Node{ID: r.number(), Parent: r.number(), Lookups: r.number(), Name: kernelstate.Name(r.rest())}
		n.Lookups += c.nodes[n.ID].Lookups
		c.put(n)
	case kindForgotten:
		id := r.number()
		n := c.nodes[id]
		n.ID = id
		n.Lookups -= r.number()
		c.put(n)
	case kindHandle:
		h := kernelstate.Handle{
			Number: r.number(), Node: r.number(), Version: r.number(), Salt: r.number(),
			Flags: r.small(), Answer: r.small(), Status: int32(r.small()),
		}
		bits := r.small()
		h.Dir, h.Any = bits&bitDir != 0, bits&bitAny != 0
		c.handles[h.Number] = h
	case kindClosed:
		delete(c.handles, r.number())
	case kindBlob:
		name := string(r.some(int(r.small())))
		c.blobs[name] = slices.Clone(r.rest())
	default:
		return false
	}
	return true
}

func (c *contents) put(n kernelstate.Node) {
	if n.Lookups == 0 {
		delete(c.nodes, n.ID)
	} else {
		c.nodes[n.ID] = n
	}
}

// take has the state in the place of what is known of the kernel.
func (c *contents) take(s *kernelstate.State) {
	c.epoch = s.Epoch
	clear(c.nodes)
	clear(c.handles)
	for _, n := range s.Nodes {
		c.nodes[n.ID] = n
	}
	for _, h := range s.Handles {
		c.handles[h.Number] = h
	}
}

// records writes all of it.
func (c *contents) records() []byte {
	var r record
	r.epoch(c.epoch)
	for name, blob := range c.blobs {
		r.blob(name, blob)
	}
	for _, n := range c.nodes {
		r.node(n)
	}
	for _, h := range c.handles {
		r.handle(h)
	}
	return r.bytes
}

// state is what the kernel holds: a parent before what is in it.
func (c *contents) state() *kernelstate.State {
	s := &kernelstate.State{Epoch: c.epoch}
	listed := map[uint64]bool{}
	var list func(id uint64)
	list = func(id uint64) {
		n, ok := c.nodes[id]
		if !ok || n.Parent == 0 || listed[id] {
			return
		}
		listed[id] = true // first, so that a circle ends
		list(n.Parent)
		s.Nodes = append(s.Nodes, n)
	}
	for _, id := range slices.Sorted(maps.Keys(c.nodes)) {
		list(id)
	}
	s.Handles = slices.SortedFunc(maps.Values(c.handles), func(a, b kernelstate.Handle) int { return cmp.Compare(a.Number, b.Number) })
	return s
}

// reader takes a record apart. What is not there is zero, and short says so.
type reader struct {
	bytes []byte
	short bool
}

func (r *reader) some(n int) []byte {
	if n < 0 || n > len(r.bytes) {
		r.short = true
		return make([]byte, max(0, min(n, 8)))
	}
	some := r.bytes[:n]
	r.bytes = r.bytes[n:]
	return some
}

func (r *reader) number() uint64 { return native.Uint64(r.some(8)) }
func (r *reader) small() uint32  { return native.Uint32(r.some(4)) }

func (r *reader) rest() []byte {
	rest := r.bytes
	r.bytes = nil
	return rest
}
