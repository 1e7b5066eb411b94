// Package secretread is how the embedded Infisical reads secrets: lists, single
// secrets, former versions, what a folder imports, and what is put in the place
// of references like ${dev.payments.KEY}.
//
// [List], [Get], [GetByID] and [Versions] are handlers of routes, for
// [call.On]: they are called with the lock of the state held, change nothing,
// and return what is to be encoded or a failure. [ImportedSecrets] is for the
// routes of imports. The rules of the generations meet here more than elsewhere:
// list.go and get.go say who sees what, imports.go which source counts,
// references.go what is expanded and how often.
package secretread
