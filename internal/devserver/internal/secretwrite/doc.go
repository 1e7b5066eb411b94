// Package secretwrite is how the embedded Infisical creates, changes, deletes and
// moves secrets, one by one and in batches, which do all or nothing.
//
// [Create], [Update], [Delete], their batches and [Move] are handlers of routes,
// for [call.On]: they are called with the lock of the state held, and say in
// Changed of the call that something is to be saved. Each first reads the whole
// body, then checks rights and names, then asks whether the change has to wait
// for an approval, and changes something only after that. What a body says about
// one secret is a draft (draft.go); what is not sent stays as it is.
package secretwrite
