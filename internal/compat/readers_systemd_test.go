package compat

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// systemdReader calls the function of systemd's own library that reads the files
// of EnvironmentFile=, and then the one that takes out what is not a variable. They
// are what a service manager calls, which cannot be started wherever tests are.
const systemdReader = `
import ctypes, glob, json, sys
library, = glob.glob("/usr/lib/*/systemd/libsystemd-shared-*.so")
systemd = ctypes.CDLL(library)
strings = ctypes.POINTER(ctypes.c_char_p)
systemd.strv_env_clean_with_callback.restype = strings
variables = strings()
error = systemd.load_env_file(None, sys.argv[1].encode(), ctypes.byref(variables))
if error:
    sys.exit("load_env_file: %d" % error)
variables = systemd.strv_env_clean_with_callback(variables, None, None)
read, i = [], 0
while variables[i] is not None:
    read.append(variables[i].decode().split("=", 1))
    i += 1
print(json.dumps(dict(read)))
`

func TestSystemd(t *testing.T) {
	needs(t, "/usr/bin/python3", "systemd-analyze")
	w := newUglyWorld(t)
	got := map[string]string{}
	require.NoError(t, json.Unmarshal(output(t, "", "/usr/bin/python3", "-c", systemdReader, w.file(".env.systemd")), &got))
	requireSame(t, held(".env.systemd"), got, nil)
}
