package engines

import (
	"fmt"
)

// pluginNames is how many plugins the tests may have: Podman is told of them by name
// before it is used.
const pluginNames = 40

func pluginName(i int) string { return fmt.Sprintf("infisicalfs%d", i) }

func pluginSocket(name string) string { return "/run/docker/plugins/" + name + ".sock" }
