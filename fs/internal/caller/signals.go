package caller

import "syscall"

// signals is a set of signals as /proc shows it: bit n-1 is signal n.
type signals uint64

func set(list ...syscall.Signal) (s signals) {
	for _, signal := range list {
		s |= 1 << (signal - 1)
	}
	return s
}

var (
	// stopping are the signals that ask a program to stop what it does, whether it
	// handles them or not. SIGHUP and SIGTERM are none: an editor that handles one
	// saves what was typed, and the other may come while it does.
	stopping = set(syscall.SIGINT, syscall.SIGQUIT, syscall.SIGALRM, syscall.SIGKILL)
	// harmless are those that do not end a program that does not handle them.
	harmless = set(syscall.SIGCHLD, syscall.SIGCONT, syscall.SIGURG, syscall.SIGWINCH,
		syscall.SIGSTOP, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU)
)

// Killed reports whether the thread is on its way out because of a signal. The
// kernel closes the files of such a process as if it had done so itself. What
// cannot be found out is an ordinary close.
func Killed(thread uint32) bool {
	if thread == 0 {
		return false
	}
	status, err := readStatus(thread)
	if err != nil || status.hasMemory {
		return false // and its stat must not be read: see there
	}
	stat, err := readStat(thread)
	return err == nil && stat.killed()
}

// WantsOut reports whether a signal waits for the thread that is about to end
// it, or that people and programs use to make it stop what it does. Any other
// signal that a program handles, such as the end of a child, interrupts a
// request as well, but is no wish to abandon it. Who cannot be found wants out.
func WantsOut(thread uint32) bool {
	if thread == 0 {
		return true
	}
	status, err := readStatus(thread)
	return err != nil || status.wantsOut()
}

func (s threadStatus) wantsOut() bool {
	waiting := s.pending &^ s.blocked &^ s.ignored
	return waiting&stopping != 0 || waiting&^s.caught&^harmless != 0
}
