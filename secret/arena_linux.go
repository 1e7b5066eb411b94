package secret

import "syscall"

// Values are kept outside of Go's heap, in pages that are locked: they are
// neither swapped nor dumped, and a value's bytes are wiped when the last
// reference to it is gone. (Locking the whole heap instead would keep tens of
// megabytes resident.) What a decoder or a Reveal leaves on the heap is
// short-lived garbage and beyond this.

const madviseDontDump = 16 // MADV_DONTDUMP

// mapPages returns fresh zeroed memory of a multiple of the page size, locked
// if the limit for that (ulimit -l) allows. It panics when there is none, as
// the allocation of Go memory would.
func mapPages(size int) []byte {
	pages, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic("secret: out of memory: " + err.Error())
	}
	if syscall.Mlock(pages) != nil {
		values.unlocked.Add(int64(size))
	}
	syscall.Madvise(pages, madviseDontDump)
	return pages
}

// unmapPages gives memory back. It was wiped before.
func unmapPages(pages []byte) { syscall.Munmap(pages) }
