// Package sealed hands bytes to another process in memory that can be changed no more:
//
//	fd, err := sealed.Make("infisicalfs-known", size, func(memory []byte) { … })
//	… the descriptor goes to the next process …
//	err := sealed.Read(fd, limit, func(memory []byte) error { … }) // there
//
// It is a memfd, so it has no name in any file system, and it is sealed: nobody who has the
// descriptor can change, grow or shrink it, nor wipe it. It is gone when nobody has the
// descriptor any more, so whoever has read a secret from it lets go of it at once, and has others do
// so. Only while it is mapped, by Make and Read, are its pages locked: otherwise a machine that is
// short of memory may swap them.
package sealed
