package arch

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "infisicalfs/"

// picture says which packages of ours each package may import. Calls go down,
// from the kernel to the server; a change is told upwards through a function
// value, so no import points up. A package that is not here has no place yet.
var picture = map[string][]string{
	"secret": {},
	"client": {"secret", "client/internal/transport", "client/internal/wire", "client/internal/jsonstream"},
	"cache":  {"secret", "internal/duration", "cache/internal/refgraph", "cache/internal/snapshot"},
	"fs": {"secret", "internal/duration", "internal/glob", "internal/rights",
		"fs/internal/approvals",
		"fs/internal/caller",
		"fs/internal/commit",
		"fs/internal/controldir",
		"fs/internal/diff",
		"fs/internal/emit",
		"fs/internal/failurelog",
		"fs/internal/filename",
		"fs/internal/folderqueue",
		"fs/internal/generation",
		"fs/internal/inode",
		"fs/internal/lostupdate",
		"fs/internal/openfiles",
		"fs/internal/ownchanges",
		"fs/internal/overlay",
		"fs/internal/lastlisting",
		"fs/internal/pagecache",
		"fs/internal/permission",
		"fs/internal/procend",
		"fs/internal/readonly",
		"fs/internal/tempname",
		"fs/internal/textedit",
		"fs/internal/unsent",
		"fs/internal/writeback",
		"fs/internal/workqueue",
		"fs/internal/xattr",
	},

	"cache/internal/refgraph": {"secret"}, // what stored values refer to, and what a change does to what is shown
	"cache/internal/snapshot": {"secret"}, // comparing and editing snapshots

	"client/internal/transport":  {"secret", "internal/duration", "internal/namedfile", "client/internal/jsonstream"}, // how a request gets to the server and what its answer means
	"client/internal/wire":       {"secret", "client/internal/jsonstream"},                                            // the shapes of answers, and the readers of lists
	"client/internal/jsonstream": {"secret"},                                                                          // answers, read as they arrive and within bounds

	"fs/internal/approvals":   {"secret"},                           // which changes wait for somebody's approval
	"fs/internal/caller":      {},                                   // who makes a request
	"fs/internal/failurelog":  {},                                   // which failures are logged
	"fs/internal/filename":    {"secret"},                           // under which file names a folder's things are shown
	"fs/internal/lastlisting": {"secret"},                           // how a directory was listed last
	"fs/internal/pagecache":   {"secret"},                           // what the kernel may keep of a file
	"fs/internal/folderqueue": {"secret"},                           // the changes of one folder, one after the other
	"fs/internal/lostupdate":  {"secret", "fs/internal/caller"},     // which version a writer has seen
	"fs/internal/permission":  {"fs/internal/caller"},               // who may do what, where the kernel checks nothing
	"fs/internal/ownchanges":  {"secret", "fs/internal/lostupdate"}, // what was changed through this mount
	"fs/internal/procend":     {"fs/internal/caller"},               // when a process ends, and how
	"fs/internal/inode":       {"secret"},                           // which number an inode has
	"fs/internal/tempname":    {},                                   // how programs call their temporary files
	"fs/internal/textedit":    {"secret"},                           // a text that is written piece by piece
	"fs/internal/xattr":       {"secret"},                           // extended attributes, and what is noted about a file
	"fs/internal/unsent":      {"secret"},                           // texts that would be lost otherwise, and their bounds

	"fs/internal/overlay": {
		"secret", "fs/internal/caller", "fs/internal/inode", "fs/internal/lostupdate", "fs/internal/procend", "fs/internal/textedit",
	}, // what folders have here and the server has not

	"fs/internal/openfiles": {"secret"}, // what is open and shows secrets, so that it can be revoked

	"fs/internal/commit":     {"secret", "fs/internal/caller", "fs/internal/lostupdate"},  // a new value for a secret, unless a change would be lost
	"fs/internal/generation": {"secret", "fs/internal/filename", "fs/internal/pagecache"}, // a folder as a volume of Kubernetes

	"fs/internal/writeback": {"secret", "fs/internal/caller", "fs/internal/commit", "fs/internal/lostupdate", "fs/internal/textedit", "fs/internal/unsent"}, // the text of an open file, until the server has it

	"fs/internal/diff":      {"secret", "fs/internal/filename", "fs/internal/pagecache"}, // what a change shows otherwise
	"fs/internal/emit":      {"secret", "fs/internal/diff", "fs/internal/filename"},      // what watchers (inotify) hear of changes
	"fs/internal/workqueue": {},                                                          // work in the background, in order for each key

	// go-fuse nodes that need no fs.
	"fs/internal/controldir": {"fs/internal/readonly", "fs/internal/unsent", "fs/internal/xattr"}, // .infisicalfs
	"fs/internal/readonly":   {"fs/internal/filename"},                                            // the answers where nothing can be changed

	"internal/duration": {}, // what the zero of a duration means
	"internal/glob":     {},
	"internal/rights":   {"secret", "internal/glob"}, // which mode and owner a file has
	"internal/layout":   {"secret", "internal/glob"}, // between cache and fs, where one is asked for

	"internal/control":                   {},                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   // the way to a mount's process apart from the mount
	"internal/mount":                     {"internal/attach", "internal/duration", "internal/mounttable", "internal/blocking", "internal/mount/internal/handover", "internal/mount/internal/kernelstate", "internal/mount/internal/notifier", "internal/mount/internal/reaper", "internal/mount/internal/session", "internal/mount/internal/emitthread", "internal/mount/internal/giveback", "internal/mount/internal/journal", "internal/mount/internal/known", "internal/systemd", "secret", "cache", "fs", "internal/control", "internal/layout", "internal/glob", "internal/rights", "internal/view", "internal/exitcode"}, // wires the rooms
	"internal/run":                       {"internal/attach", "internal/mount", "internal/exitcode"},                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                           // a command and its namespace
	"internal/options":                   {"secret", "internal/duration", "client", "internal/credential", "internal/config", "internal/mount", "internal/namedfile", "internal/view", "internal/exitcode"},                                                                                                                                                                                                                                                                                                                                                                                                                    // the words of the options, and the configurations made of them
	"internal/logging":                   {},                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   // loggers that wait for nobody
	"internal/exitcode":                  {"secret"},
	"internal/privatefile":               {},                                                                                                                                                                                                // files that have secrets in them
	"internal/namedfile":                 {},                                                                                                                                                                                                // files that people name, which may be pipes
	"internal/blocking":                  {},                                                                                                                                                                                                // what may block in the kernel beyond any interruption
	"internal/attach":                    {"internal/mounttable", "internal/blocking", "internal/exitcode"},                                                                                                                                 // into the file tree and out of it
	"internal/mounttable":                {},                                                                                                                                                                                                // the kernel's list of mounts, and which are ours
	"internal/mount/internal/notifier":   {"fs", "internal/blocking"},                                                                                                                                                                       // the kernel is told what to forget
	"internal/mount/internal/emitthread": {"internal/mounttable", "internal/blocking"},                                                                                                                                                      // the thread on which inotify events are made
	"internal/volume":                    {"secret", "cache", "client", "internal/attach", "internal/mount", "internal/mounttable", "internal/options", "internal/exitcode", "internal/privatefile", "internal/sealed", "internal/systemd"}, // many mounts of one process
	"internal/dockerplugin":              {"secret", "internal/volume", "internal/options", "internal/exitcode", "internal/systemd"},                                                                                                        // what container engines ask for
	"internal/daemon":                    {"internal/exitcode"},                                                                                                                                                                             // into the background, and what is in memory kept from others
	"internal/config":                    {},                                                                                                                                                                                                // knows the shape of a file, not what its keys mean
	"internal/view":                      {"secret"},

	// Proofs of who a machine, pod or person is in a cloud. They know nothing of Infisical.
	"internal/credential/internal/aws": {"secret", "internal/exitcode",
		"internal/credential/internal/metadata",
		"internal/credential/internal/roundtrip",
		"internal/credential/internal/tokenfile",
	},
	"internal/credential/internal/alicloud": {"secret", "internal/exitcode"},
	"internal/credential/internal/azure": {"secret", "internal/exitcode",
		"internal/credential/internal/metadata",
		"internal/credential/internal/roundtrip",
		"internal/credential/internal/tokenfile",
	},
	"internal/credential/internal/gcp": {"secret", "internal/exitcode",
		"internal/credential/internal/metadata",
		"internal/credential/internal/tokenfile",
	},
	"internal/credential/internal/oci": {"internal/exitcode",
		"internal/credential/internal/tokenfile",
	},
	"internal/credential/internal/spiffe": {"secret", "internal/exitcode",
		"internal/credential/internal/roundtrip",
	},
	"internal/credential/internal/metadata":  {"internal/credential/internal/roundtrip"}, // whether the machine is in a cloud, and what its cloud says
	"internal/credential/internal/roundtrip": {},                                         // one request and its answer, within bounds
	"internal/credential/internal/tokenfile": {"secret", "internal/exitcode"},            // files with one token
	"internal/credential/clitest":            {"internal/dbustest"},                      // for tests: what Infisical's own tool leaves on a machine
	"internal/credential/internal/clifiles":  {"secret"},                                 // who is logged in with that tool
	"internal/credential/internal/keyring":   {},                                         // an item of the desktop's keyring
	"internal/credential/internal/vault":     {},                                         // its encrypted files
	"internal/credential/cloudtest":          {},                                         // for tests: plays what is around a machine in a cloud
	"internal/credential": {"secret", "client", "internal/exitcode", "internal/namedfile",
		"internal/credential/internal/alicloud",
		"internal/credential/internal/aws",
		"internal/credential/internal/azure",
		"internal/credential/internal/clifiles",
		"internal/credential/internal/gcp",
		"internal/credential/internal/keyring",
		"internal/credential/internal/metadata",
		"internal/credential/internal/oci",
		"internal/credential/internal/roundtrip",
		"internal/credential/internal/spiffe",
		"internal/credential/internal/tokenfile",
		"internal/credential/internal/vault",
	}, // what to log in with, and where that is found

	// A mount that outlives the process that serves it.
	"internal/systemd":                    {},                                                                                         // what the service manager keeps for the next process, and what it is about to do
	"internal/mount/internal/handover":    {"secret", "fs", "internal/mount/internal/kernelstate", "internal/mount/internal/session"}, // what two processes say to each other
	"internal/mount/internal/journal":     {"internal/mount/internal/kernelstate"},                                                    // the same, for who comes after a kill
	"internal/sealed":                     {},                                                                                         // memory that goes to another process, and that nobody can change
	"internal/mount/internal/known":       {"cache", "internal/sealed", "secret"},                                                     // what a cache knows, handed to the next process
	"internal/mount/internal/kernelstate": {"fs"},                                                                                     // nodes and handles, as the kernel numbers them
	"internal/mount/internal/reaper":      {"internal/attach"},                                                                        // the end of a killed process that waits for its own mount
	"internal/mount/internal/giveback":    {},                                                                                         // memory that is garbage goes back to the system
	"internal/mount/internal/session":     {},                                                                                         // one connection, and the servers that answer on it one after the other

	"cmd/infisicalfs": {"secret", "internal/privatefile", "client", "internal/credential", "internal/attach", "internal/config", "internal/daemon", "internal/logging", "internal/mounttable", "internal/options", "internal/mount", "internal/run", "internal/view", "internal/exitcode", "internal/devserver", "internal/dockerplugin", "internal/volume", "internal/systemd"},

	// For tests, and the dev server for trying things out.
	"secret/secrettest":            {"secret"},
	"internal/dbustest":            {},                                                                                                                                                                                                                                                                                                                                                      // the other end of D-Bus, for tests
	"internal/systemd/systemdtest": {"internal/dbustest"},                                                                                                                                                                                                                                                                                                                                   // a service manager in small
	"internal/devserver":           {"internal/devserver/internal/store", "internal/devserver/internal/fault", "internal/devserver/internal/web", "internal/devserver/internal/call", "internal/devserver/internal/shape", "internal/devserver/internal/secretread", "internal/devserver/internal/secretwrite", "internal/devserver/internal/folders", "internal/devserver/internal/login"}, // routes and JSON over what is known

	"internal/devserver/internal/store":       {},                                                                                                                                                                                          // knows no HTTP
	"internal/devserver/internal/fault":       {},                                                                                                                                                                                          // knows no secrets
	"internal/devserver/internal/call":        {"internal/devserver/internal/store", "internal/devserver/internal/web"},                                                                                                                    // one request; knows no handler
	"internal/devserver/internal/shape":       {"internal/devserver/internal/store", "internal/devserver/internal/web", "internal/devserver/internal/call"},                                                                                // JSON of what is known
	"internal/devserver/internal/secretread":  {"internal/devserver/internal/store", "internal/devserver/internal/web", "internal/devserver/internal/call", "internal/devserver/internal/shape"},                                           // changes nothing
	"internal/devserver/internal/secretwrite": {"internal/devserver/internal/store", "internal/devserver/internal/web", "internal/devserver/internal/call", "internal/devserver/internal/shape"},                                           // knows no reading
	"internal/devserver/internal/folders":     {"internal/devserver/internal/store", "internal/devserver/internal/web", "internal/devserver/internal/call", "internal/devserver/internal/shape", "internal/devserver/internal/secretread"}, // folders and imports
	"internal/devserver/internal/login":       {"internal/devserver/internal/store", "internal/devserver/internal/web", "internal/devserver/internal/call"},                                                                                // how identities get in
	"internal/devserver/internal/web":         {"internal/devserver/internal/store", "internal/devserver/internal/fault"},                                                                                                                  // knows no routes

	"internal/fusetest":    {},
	"internal/arch":        {},
	"internal/bench":       {"internal/devserver", "internal/options", "internal/volume"}, // a program of its own: scripts/bench, scripts/soak
	"internal/e2e":         {},
	"internal/engines":     {}, // what containers see
	"internal/image":       {}, // a program of its own: scripts/image
	"internal/integration": {},
}

// outside says who may import a library that belongs into few hands, and why.
var outside = []struct {
	prefix  string
	allowed []string
	why     string
}{
	{"github.com/hanwen/go-fuse/", []string{
		"fs", "internal/mount", "internal/mount/internal/notifier", "internal/fusetest", "internal/bench",
		"internal/mount/internal/session", "internal/mount/internal/kernelstate",
		"fs/internal/controldir", "fs/internal/readonly", // nodes of their own
		"fs/internal/inode", "fs/internal/overlay", // what identifies and describes a node
		"fs/internal/permission", // between the nodes and the kernel
		"fs/internal/xattr",      // an errno that each system has another of
	}, "the kernel's side stays in two rooms, and in the packages of fs that cannot be told without it"},
	{"github.com/godbus/dbus/", []string{"internal/systemd", "internal/dbustest", "internal/systemd/systemdtest", "internal/credential/internal/keyring", "internal/credential/clitest"}, "the service manager and the desktop's keyring are asked on D-Bus"},
	{"github.com/coreos/go-systemd/", []string{"internal/mount"}, "the service manager is told about mounts"},
	{"github.com/spf13/", []string{"cmd/infisicalfs", "internal/options", "internal/credential", "internal/bench"}, "flags are the command's business, and the tables in which its options are"},
	{"net/http", []string{"client", "client/internal/transport", "internal/control", "internal/dockerplugin", "internal/devserver", "internal/devserver/internal/fault", "internal/devserver/internal/web", "internal/devserver/internal/call", "internal/devserver/internal/secretread", "internal/devserver/internal/folders", "cmd/infisicalfs", "internal/bench",
		"internal/credential", // whoever issues a proof
		"internal/credential/internal/aws",
		"internal/credential/internal/metadata",
		"internal/credential/internal/roundtrip",
		"internal/credential/cloudtest",
		"internal/credential/internal/azure",
		"internal/credential/internal/gcp",
		"internal/credential/internal/oci",
		"internal/credential/internal/spiffe",
	}, "only the client talks to a server, and to a cloud only who proves an identity there"},
	{"github.com/stretchr/", []string{"internal/credential/clitest", "internal/credential/cloudtest", "secret/secrettest", "internal/fusetest", "internal/systemd/systemdtest"}, "a test library does not belong into the binary"},
	{"testing", []string{"internal/credential/clitest", "internal/credential/cloudtest", "secret/secrettest", "internal/fusetest", "internal/systemd/systemdtest"}, "a test library does not belong into the binary"},
}

type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// list asks the toolchain for the module's packages.
func list(t *testing.T) []listed {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", module+"...").Output()
	require.NoError(t, err)
	var packages []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else {
			require.NoError(t, err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		packages = append(packages, p)
	}
}

func TestImportsMatchThePicture(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range list(t) {
		seen[p.ImportPath] = true
		allowed, placed := picture[p.ImportPath]
		if !placed {
			t.Errorf("%s has no place in the picture: add it to internal/arch", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if ours, ok := strings.CutPrefix(imported, module); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s, which the picture does not allow", p.ImportPath, ours)
			}
			for _, rule := range outside {
				if (imported == rule.prefix || strings.HasPrefix(imported, rule.prefix) && strings.HasSuffix(rule.prefix, "/")) && !slices.Contains(rule.allowed, p.ImportPath) {
					t.Errorf("%s imports %s: %s", p.ImportPath, imported, rule.why)
				}
			}
			if p.ImportPath == "secret" && strings.Contains(strings.Split(imported, "/")[0], ".") {
				t.Errorf("secret imports %s: it has the standard library only", imported)
			}
		}
	}
	for name := range picture {
		if !seen[name] {
			t.Errorf("the picture has %s, which does not exist", name)
		}
	}
}

// The rooms must not know each other in their tests either, or a test proves
// less than it seems to.
func TestRoomsAreTestedApart(t *testing.T) {
	rooms := []string{"client", "cache", "fs"}
	for _, p := range list(t) {
		if !slices.Contains(rooms, p.ImportPath) {
			continue
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if ours, ok := strings.CutPrefix(imported, module); ok && slices.Contains(rooms, ours) && ours != p.ImportPath {
				t.Errorf("the tests of %s import %s", p.ImportPath, ours)
			}
		}
	}
}
