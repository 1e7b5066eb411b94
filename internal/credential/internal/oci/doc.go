// Package oci proves an identity of Oracle's cloud: it signs the request for a user's own
// record with that user's API key, for somebody else to send. Only users have such
// records, so that machines and functions (instance and resource principals) cannot be
// proven so.
//
// [Find] finds the key as Oracle's command does, in variables and ~/.oci/config; [Sign]
// signs.
package oci
