// Package spiffe gets a JWT-SVID, a token that says under which SPIFFE id a workload is
// known, from the agent on the same machine: [Fetch] makes one call of the SPIFFE Workload
// API over the agent's socket.
//
// That is a call of gRPC, which for one message and one answer is little: an HTTP/2
// request without encryption, a message with a head of five bytes, and a status in the
// trailers. An agent that takes the connection and stays silent is given three seconds.
package spiffe
