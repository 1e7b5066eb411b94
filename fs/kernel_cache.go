package fs

// KernelCache says what of the values the kernel may keep in its memory.
type KernelCache string

const (
	// CacheDefault: whole versions, one message for each open. See [pages].
	CacheDefault KernelCache = ""
	// CacheOff: nothing. Each read is a message.
	CacheOff KernelCache = "off"
)
