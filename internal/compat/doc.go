// Package compat holds infisicalfs to other people's programs and libraries,
// unmodified, on a real mount. It is a module of its own, so that what they drag
// in stays out of ours. All there is are tests.
package compat
