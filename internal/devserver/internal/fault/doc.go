// Package fault has what goes wrong on request. A [List] holds the faults in
// force; the server takes the one that hits a request, suffers its delay, and
// lets it spoil the answer. [Lies] and [Floods] are ready-made ones, of servers
// that are broken, hostile or misled.
//
//	var faults fault.List
//	remove := faults.Inject(fault.Fault{Times: 1, Status: 503})
//	defer remove()
//	if f := faults.Take(request, body); f != nil && !f.Suffer(request, closed) {
//		fault.Reset(w)
//	}
package fault
