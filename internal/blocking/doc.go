// Package blocking looks at paths that may block in the kernel beyond any
// interruption: a FUSE server that hangs never answers, and where the server is this
// very process, a thread that waits for its answer can keep the process from ending.
package blocking
