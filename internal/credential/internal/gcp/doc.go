// Package gcp proves an identity of Google Cloud by a JWT, in either of two ways:
//
// [IDToken] asks the metadata service of the machine, which signs who the machine's
// service account is. [ReadKey] and [Key.Sign] sign with the key of a service account
// that somebody has downloaded, here and without asking anybody: whoever knows the
// account's public keys can check that as well as what Google signs.
package gcp
