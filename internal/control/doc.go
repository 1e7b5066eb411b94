// Package control is the way to a mount's process that does not lead through the
// mount: a socket in a directory that only the process's user can enter. It works
// where the mount shows no control files, is covered, or is out of the tree and
// goes on only because somebody else holds it.
//
// A mount is known by the number of its FUSE connection, which no other mount of
// the machine has as long as it lives. A question is the name of a [Call] with
// parameters to go with it, sent as HTTP; the answer is JSON. Who asks is what the
// kernel says of the socket's other end: the process's user, or root.
package control
