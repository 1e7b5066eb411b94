// Package azure proves an identity of Azure by an access token for a resource: of a
// workload (a pod) with a token of another issuer, of an application of App Service,
// or of a machine.
//
// [Sources.Token] takes the first of these that variables speak of, else asks the
// machine's metadata service.
package azure
