// Package store is what the development server knows and what can be done to it,
// without a word of HTTP: identities, projects, environments, folders, secrets
// with their versions, imports, and the tokens that were issued.
//
// A [State] is made from a [Seed] by [New], or read from a data file by [Load].
// Its owner guards it by a lock: nothing here locks, and everything is changed in
// place. Who may do what, which fields a request has and how an answer looks are
// the owner's affair; the rules that hold whoever asks are here: how a path finds
// a folder, what is cut off a value, what a change adds to the history, how
// references follow a secret that is renamed or moved, how a token is signed.
//
// An [Editor] makes changes by name, as somebody at the web interface would. Its
// methods take the lock by the function that the owner gave to [NewEditor].
package store
