// Package reaper has a process that was killed come to its end although one of its
// threads waits for an answer of the mount that the process has served.
//
//	if reaper.Entered() { return }             // early in main
//	w, err := reaper.Watch(device, connection) // from now on
//	w.Stop()
//
// Such a thread (it makes events for watchers, tells the kernel what to forget, or asks
// whether the mount answers) cannot be killed once its request was read. Where the process
// has the only descriptor of the connection, that closes with it, and the kernel gives up
// all requests. Where somebody keeps the connection for the next process, nobody answers
// before that has started, and a service manager starts it when the one before has ended.
//
// So another process waits for the death of this one: this program, started again, once
// for however many mounts. Nearly always it sees it end at once, and ends too. Otherwise it answers for it, see [verdict], what the
// dead process waits for, and leaves all else to the next process, which has the kernel ask
// again. If that does not help within some seconds it ends the connection.
package reaper

import (
	"encoding/binary"
	"syscall"
)

// Of linux/fuse.h: which request is which, and where in its header is what.
const (
	opLookup      = 1
	opForget      = 2
	opInterrupt   = 36
	opBatchForget = 42

	opcodeAt = 4
	uniqueAt = 8
	pidAt    = 32
	headLen  = 40
)

// request is what has to be known of one to answer it with an error.
type request struct {
	opcode uint32
	unique uint64
	pid    uint32 // the thread that waits, in this process's pid namespace; 0: it is in none that can be seen
}

// parse reads a request's header; false if it is none.
func parse(message []byte) (r request, ok bool) {
	if len(message) < headLen {
		return r, false
	}
	return request{
		opcode: binary.NativeEndian.Uint32(message[opcodeAt:]),
		unique: binary.NativeEndian.Uint64(message[uniqueAt:]),
		pid:    binary.NativeEndian.Uint32(message[pidAt:]),
	}, true
}

// answer is the reply to r that says why nothing was done.
func (r request) answer(why syscall.Errno) []byte {
	const size = 16
	reply := binary.NativeEndian.AppendUint32(nil, size)
	reply = binary.NativeEndian.AppendUint32(reply, uint32(-int32(why)))
	return binary.NativeEndian.AppendUint64(reply, r.unique)
}

// verdict is what a request is answered while the process that was to answer it is dead
// and does not end; 0: nothing, the next process answers.
//
// The dead process may wait for requests of others too: to tell the kernel what to forget
// of a directory, a thread waits for lookups there. A lookup that is ESTALE is done once
// more by the kernel, from the beginning, so whoever asks notices nothing, once. What
// nobody can be made to ask again fails only if nothing else helps.
//
// Own says that a thread of the dead process waits for it, told that its thread was told
// ESTALE before, hard that all else did not help.
func verdict(r request, own, told, hard bool) syscall.Errno {
	switch {
	case r.opcode == opForget, r.opcode == opBatchForget, r.opcode == opInterrupt:
		return 0 // nobody waits
	case own:
		return syscall.EINTR
	case hard:
		return syscall.EIO
	case r.opcode == opLookup && !told:
		return syscall.ESTALE
	}
	return 0
}
