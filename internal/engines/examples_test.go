package engines

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const examples = "../../deploy/docker"

func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examples, name))
	require.NoError(t, err)
	return string(text)
}

// compose returns what runs docker-compose with an example, in which each second of the
// words stands for the one before it. What it has made goes at the end of the test.
func (w *world) compose(name string, words ...string) func(args ...string) string {
	w.t.Helper()
	file := filepath.Join(w.dir, name)
	text := strings.NewReplacer(append(words, "image: alpine", "image: "+image)...).Replace(example(w.t, name))
	require.NoError(w.t, os.WriteFile(file, []byte(text), 0o644))
	compose := func(args ...string) string {
		cmd := exec.Command("docker-compose", append([]string{"--file=" + file, "--project-name=" + strings.TrimSuffix(name, ".yaml"), "--ansi=never"}, args...)...)
		cmd.Env = append(os.Environ(), dockerEnviron(dockerDir())...)
		out, err := cmd.CombinedOutput()
		require.NoError(w.t, err, "%s", out)
		return string(out)
	}
	w.t.Cleanup(func() { compose("down", "--timeout=1") })
	return compose
}

// The example for Compose: a volume, a secret from a file, and variables.
func TestComposeExample(t *testing.T) {
	t.Parallel()
	needEngines(t, "docker-compose")
	w := newWorld(t)
	p, m := w.plugin(), w.mount()
	d := docker(t)
	d.create(t, p, "compose-app")
	compose := w.compose("compose.yaml", "/srv/secrets", m.dir, "external: true", "external: {name: compose-app}")
	for range 2 {
		out := compose("up", "--force-recreate")
		stored, _ := w.Lookup("demo", "dev", "/", "GREETING")
		for _, service := range []string{"files", "one", "variables"} {
			require.Regexp(t, service+`_1 +\| `+stored.Value, out)
		}
		w.set("GREETING", "a new value")
		require.True(t, eventually(func() bool {
			now, _ := os.ReadFile(m.path(".env"))
			return strings.Contains(string(now), "a new value")
		}))
	}
}

// The images that scripts/image makes, without a network: one runs, and the one for
// development serves and mounts what it serves as the example for Compose has it.
func TestDevelopmentExample(t *testing.T) {
	t.Parallel()
	needEngines(t, "docker-compose")
	w, d := newWorld(t), docker(t)
	ca := filepath.Join(w.dir, "ca.pem")
	require.NoError(t, os.WriteFile(ca, []byte("-----BEGIN CERTIFICATE-----\nnot a real one\n-----END CERTIFICATE-----\n"), 0o600))
	build := exec.Command("../../scripts/image", "--here", "--ca", ca, "--version", "test", w.dir)
	build.Env = append(os.Environ(), "GOPROXY=off")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, name := range []string{"infisicalfs.tar", "infisicalfs-dev.tar"} {
		d.run(t, "load", "--input="+filepath.Join(w.dir, name))
	}
	require.Contains(t, d.run(t, "run", "--rm", "--network=none", "infisicalfs:test", "version"), "test")

	secrets := filepath.Join(w.dir, "dev")
	require.NoError(t, os.Mkdir(secrets, 0o755))
	compose := w.compose("dev.yaml", "image: infisicalfs-dev", "image: infisicalfs-dev:test", "/srv/dev-secrets", secrets)
	require.Regexp(t, `app_1 +\| hello, world`, compose("up", "--abort-on-container-exit", "--timeout=10"))
	left, err := os.ReadDir(secrets)
	require.NoError(t, err)
	require.Empty(t, left, "it was unmounted")
}

// keys are those of Quadlet that the examples may use.
var keys = map[string][]string{
	"[Unit]":      {"Description", "Requires", "After"},
	"[Volume]":    {"Driver", "Options"},
	"[Container]": {"Image", "Exec", "Volume", "User", "Group"},
	"[Install]":   {"WantedBy"},
}

// The examples for Quadlet are units with its keys, and podman takes what it would make
// of them.
func TestQuadletExample(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, e := w.plugin(), podman(t)
	values := map[string]string{}
	for _, name := range []string{"shop.volume", "shop.container"} {
		section := ""
		for line := range strings.Lines(example(t, name)) {
			switch line = strings.TrimSpace(line); {
			case line == "" || line[0] == '#':
			case line[0] == '[':
				section = line
				require.Contains(t, keys, section, name)
			default:
				key, value, ok := strings.Cut(line, "=")
				require.True(t, ok && slices.Contains(keys[section], key), line)
				values[section+key] = value
			}
		}
	}
	require.Equal(t, "infisicalfs", values["[Volume]Driver"])
	options := strings.NewReplacer("shop", "demo", "prod", "dev").Replace(values["[Volume]Options"])
	e.run(t, "volume", "create", "--driver="+p.name, "--opt=o="+options, "systemd-shop")
	t.Cleanup(func() { e.try("volume", "rm", "-f", "systemd-shop") })
	volume, ok := strings.CutPrefix(values["[Container]Volume"], "shop.volume:")
	require.True(t, ok)
	out := e.box(t, "ls -ln /run/secrets/GREETING; cat /run/secrets/GREETING", "-v=systemd-shop:"+volume,
		"--user="+values["[Container]User"]+":"+values["[Container]Group"])
	require.Regexp(t, `^-r--r----- +1 0 +1000 .*\nhello, world$`, out)
}

// The example for a stack: a service of a swarm has a secret by the provider; a task that
// starts after the secret has changed has the new value. A secret that is not there has
// its reason in the log, as Swarm tells nobody.
func TestSwarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, d := w.plugin(), docker(t)
	d.run(t, "swarm", "init", "--advertise-addr=127.0.0.1", "--listen-addr=127.0.0.1:2377")
	t.Cleanup(func() { d.try("swarm", "leave", "--force") })
	deploy := func(stack, key string) {
		t.Helper()
		// There is one network here, and nothing listens to a signal.
		text := strings.NewReplacer("    image: alpine\n", "    image: "+image+"\n    networks: [outside]\n    stop_signal: KILL\n", "driver: infisicalfs", "driver: "+p.name,
			"project: shop", "project: demo", "env: prod", "env: dev", "key: GREETING", "key: "+key).Replace(example(t, "stack.yaml"))
		file := filepath.Join(w.dir, stack+".yaml")
		require.NoError(t, os.WriteFile(file, []byte(text+"\nnetworks:\n  outside: {external: true, name: host}\n"), 0o644))
		d.run(t, "stack", "deploy", "--compose-file="+file, "--resolve-image=never", stack)
		t.Cleanup(func() { d.try("stack", "rm", stack) })
	}
	deploy("web", "GREETING")
	comes := func(want string) {
		t.Helper()
		require.True(t, eventually(func() bool {
			id, _ := d.try("ps", "--quiet", "--latest", "--filter=label=com.docker.swarm.service.name=web_app")
			text, err := d.try("exec", id, "cat", "/run/secrets/greeting")
			return err == nil && text == want
		}), "%s\n%s", p.said(), d.run(t, "service", "ps", "--no-trunc", "web_app"))
	}
	comes("hello, world")
	w.set("GREETING", "rotated")
	d.run(t, "service", "update", "--detach", "--quiet", "--force", "web_app")
	comes("rotated")

	deploy("broken", "NOT_THERE")
	require.True(t, eventually(func() bool {
		return strings.Contains(p.said(), `the secret \"broken_greeting\" for the service \"broken_app\": `)
	}), p.said())
	require.Contains(t, p.said(), `has no secret \"NOT_THERE\"`)
}

// The managed plugin is made, enabled and used without a network.
func TestManagedPlugin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := docker(t)
	binary := filepath.Join(w.dir, "infisicalfs")
	build := exec.Command("go", "build", "-o", binary, "infisicalfs/cmd/infisicalfs")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	create := exec.Command("../../scripts/docker-plugin-create", "infisicalfs/managed")
	create.Env = append(os.Environ(), append(dockerEnviron(dockerDir()), "BINARY="+binary, "PATH="+filepath.Dir(d.command().Path)+":"+os.Getenv("PATH"))...)
	out, err = create.CombinedOutput()
	require.NoError(t, err, "%s", out)

	config := filepath.Join(w.dir, "etc")
	who := w.Credentials("admin")
	require.NoError(t, os.Mkdir(config, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(config, "secret"), []byte(who.ClientSecret), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(config, "config.yaml"),
		[]byte("identities:\n  ci: {url: \""+w.url+"\", client-id: "+who.ClientID+", client-secret-file: secret, organization: "+who.OrganizationID+"}\n"), 0o600))
	d.run(t, "plugin", "set", "infisicalfs/managed", "config.source="+config, "INFISICALFS_IDENTITY=ci")
	d.run(t, "plugin", "enable", "infisicalfs/managed")
	t.Cleanup(func() { d.try("plugin", "rm", "-f", "infisicalfs/managed") })
	d.run(t, "volume", "create", "--driver=infisicalfs/managed", "--opt=project=demo", "--opt=env=dev", "managed")
	require.Equal(t, "hello, world", d.box(t, "cat /s/GREETING", "-v=managed:/s", "--user=1000:1000"))
	d.run(t, "volume", "rm", "managed")
	shown := d.run(t, "plugin", "inspect", "infisicalfs/managed")
	require.NotContains(t, shown, who.ClientSecret)
}
