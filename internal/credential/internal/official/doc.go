// Package official holds the signatures of the packages beside it to the modules of
// those who defined them. It is a module of its own, so that those modules, which are
// many and large, stay out of ours. All there is are tests.
//
// They are run when something here or in those packages changes, and not in CI
// (go -C internal/credential/internal/official test ./...): the packages' own tests
// have what these modules made once, with their versions.
package official
