// Package arch holds no code. Its test holds the picture of who may import whom
// against the code.
package arch
