// Package shape is how projects, tags and secrets look in the JSON of the embedded
// Infisical. Which fields there are depends on the route and on the generation
// of the server; the functions ending in Of render what is in the store for one
// [call.Call], and decide no right: whoever calls them has checked that the caller
// may see the thing, and hides a value by [Secret.Hide].
package shape
