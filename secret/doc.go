// Package secret holds the nouns that every other room shares: which folder is
// meant ([Dir]), what it contains ([Folder], [Secret], [Value]), who can tell
// ([Source], [Upstream]), who can change it ([Writer]) and what can go wrong
// (the sentinel errors). It imports the standard library only.
//
// A [Folder] is an immutable snapshot: whoever holds one may read it without a
// lock and sees one version of everything in it to the end.
package secret
