//go:build linux

// Command bench measures a built infisicalfs against a development server of
// its own, on real mounts. It is started by scripts/bench and scripts/soak and
// is no part of the program that it measures.
//
//	bench speed    times what a mount costs beside tmpfs and beside FUSE itself
//	bench compare  times two builds of infisicalfs beside each other
//	bench costs    counts requests, messages and wake-ups, of several builds side by side
//	bench peers    times the same work on other file systems in user space
//	bench many     shows what many secrets in one folder take, and what a change costs there
//	bench soak     loads a mount for minutes and looks for what must not happen
//	bench bare     is the FUSE program that speed compares with
package main
