// Package metadata asks the metadata services of clouds: addresses of a machine in a
// cloud under which the cloud answers who the machine is.
//
// On a machine that is in no cloud the same addresses lead nowhere, and a client that
// tries them with the usual patience waits for minutes. So [Client.Here] asks a service
// only if variables or what the firmware says about the machine speak for its cloud
// ([Client.Hints]). A service that has never answered is given one second and no second
// try, by [Client.Ask] too; one that has answered is given more.
//
// Services are asked by number, not by name, past every proxy, and what answers has
// to show by its headers that it is the service: the page of a hotel's network
// answers at each address too.
//
// One [Client] is shared by all methods of log-in. It knows what a cloud's answers
// look like only as far as telling them from somebody else's takes.
package metadata
