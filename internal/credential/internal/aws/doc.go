// Package aws proves an identity of AWS: it finds the keys that a machine, pod or
// person has, in the order of Amazon's own SDKs, and signs with them the request
// GetCallerIdentity of the Security Token Service (STS). Whoever is given the
// signed request can send it, and learns from STS who has signed it; the keys stay
// here.
//
// [Sources] finds keys and region; [Sign] is the signature alone (Signature Version
// 4); [Sources.Prove] does both. Keys of machines are temporary, so that they are
// looked for at each login and not kept.
package aws
