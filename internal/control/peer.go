package control

// Peer is the process at the other end.
type Peer struct {
	UID uint32
	PID int // as this process's namespace numbers it; 0 if it does not see it
}
