// Package metrics tells a monitoring system how the node plugin does, as Prometheus asks for it over
// HTTP, and the kubelet whether it runs.
//
//	calls := metrics.NewCalls()                          // the driver's observer
//	server := metrics.New(metrics.Config{Version: "1", Counts: volumes.Counts, Calls: calls, Ready: registered})
//	err := server.Serve(listener)                        // /metrics, /healthz, /readyz
//
// What volumes and identities count is theirs (package volume), and is read when somebody asks (collector.go): no
// number is kept twice, and no question goes to the server of secrets or to a mount. Only the calls of the kubelet are
// counted here (calls.go).
//
// Labels name identities, service accounts, errnos and codes, and never a secret, its name, its
// value, a path or a token. They are bounded: errnos and codes are few, and of identities more than
// [MaxIdentities] are told together.
//
// The library is the one of the Prometheus project: its registry refuses what would not be a valid exposition, counters that
// others keep can be told as they are, and of what it brings along gRPC has the largest part, protobuf, already.
package metrics
