// Package dockerplugin speaks the two protocols by which container engines ask for
// secrets: the volume protocol of Docker, which Podman speaks as well, and the secret
// provider of Swarm. Both are JSON in HTTP requests on a unix socket.
//
// [New] makes the handler, [Listen] the socket it is served on. What the calls mean is
// the business of a [Volumes], usually the manager of package internal/volume; this
// package knows shapes, bounds and how engines want to hear of failures:
//
//   - An error is status 500 and {"Err": text}. Podman takes any 200 for success, Docker
//     shows the text of either.
//   - Podman waits five seconds for an answer, so a Mount that takes longer than
//     [mountWithin] is answered with an error that says so; it goes on meanwhile, and
//     the next try finds what it has read.
//   - Get and List are asked by every "docker volume ls" and by dockerd's start. They
//     wait for nobody.
//   - Whoever may connect to the socket may mount what the daemon's identities may read:
//     the socket is its owner's alone.
package dockerplugin
