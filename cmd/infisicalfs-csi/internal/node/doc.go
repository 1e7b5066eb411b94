// Package node answers the kubelet as a CSI driver: the services Identity and Node of CSI, and the
// registration at the kubelet. A driver that has no controller and stages nothing is these.
//
//	n := node.New(node.Config{Driver: "csi.infisicalfs", NodeID: "worker-1", Volumes: volumes})
//	server := node.Serve(listener, n)
//
// A NodePublishVolume says in its attributes what the volume shows, in the words of volumes
// (attributes.go), and brings a token of the pod's service account (token.go), as which the
// login is made (login.go). What came becomes a [volume.Publication]; all that lasts is
// package volume's. Errors become the codes by which the kubelet decides whether it may clean
// up (codes.go).
//
// Neither attributes nor secrets of a call are ever logged: a call is logged by its name, its
// volume and its code.
package node
