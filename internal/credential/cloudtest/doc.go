// Package cloudtest plays, for tests, what a machine in a cloud finds around it: the
// metadata services of AWS, Google Cloud and Azure, the addresses that containers are
// told, and the services on the internet that give tokens for tokens.
//
// A [World] can be used in two ways: as an [http.RoundTripper] it is reached under the
// services' real addresses, without a socket and within testing/synctest; as an
// [http.Handler] it is served on loopback for programs that are told so by variables. It
// keeps a list of what it was asked.
package cloudtest
