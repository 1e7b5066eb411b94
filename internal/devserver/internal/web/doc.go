// Package web is the framework under the embedded Infisical: what answers,
// refusals, forms, limits and logs look like in HTTP, whatever the routes are. It
// knows no project and no secret.
//
// A handler reads the fields of a request with a [Form], which collects all
// complaints in the shape of the validation library that Infisical uses, and
// returns a value or a [Failure]. [JSON] and [FailureAnswer] make an [Answer] of
// these, which is complete before its first byte goes out: so a fault can spoil
// it ([Spoil]), and it can have an ETag. A [Limiter] counts requests, a
// [RequestLog] remembers them, and [Transport] makes a client of a handler
// without any socket.
//
// A [Profile] says which generation of servers is imitated. The same failure has
// another status or other words in each; that is decided in profile.go, at the
// last moment, so that handlers name what is wrong once.
package web
