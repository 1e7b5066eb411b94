// Package jsonstream reads JSON from a server's answer as it arrives, within
// bounds. A [Scanner] reads it piece by piece and leaves no copy of a value behind;
// a [Memory] says how much of an answer may be read and kept. It knows nothing of
// what the answers are about: the readers of package wire do, and the transport
// hands both to them. A Memory is shared by all requests, a Scanner belongs to one.
package jsonstream
