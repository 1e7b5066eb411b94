"""Prints what systemd makes of files of EnvironmentFile=: a list of {values} or {error}.

It calls the function of systemd's own library that reads them, and then the one that takes
out what is not a variable. They are what a service manager calls, which cannot be started
wherever tests are. Arguments: a word that means nothing, for each file the file and a directory.
"""

import ctypes
import glob
import json
import sys

library, = glob.glob("/usr/lib/*/systemd/libsystemd-shared-*.so")
systemd = ctypes.CDLL(library)
strings = ctypes.POINTER(ctypes.c_char_p)
systemd.strv_env_clean_with_callback.restype = strings

everything = []
for file in sys.argv[2::2]:
    variables = strings()
    error = systemd.load_env_file(None, file.encode(), ctypes.byref(variables))
    if error:
        everything.append({"error": "load_env_file: %d" % error})
        continue
    variables = systemd.strv_env_clean_with_callback(variables, None, None)
    read, i = [], 0
    while variables and variables[i] is not None:
        read.append(variables[i].decode().split("=", 1))
        i += 1
    everything.append({"values": dict(read)})
print(json.dumps(everything))
