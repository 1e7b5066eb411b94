package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// madeUp returns a file that begins as a static program for that machine does, and
// has something in it. The real ones are made by scripts/image.
func madeUp(t *testing.T, machine elf.Machine) string {
	t.Helper()
	header := elf.Header64{
		Ident:   [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:    uint16(elf.ET_EXEC),
		Machine: uint16(machine),
		Version: uint32(elf.EV_CURRENT),
		Ehsize:  uint16(binary.Size(elf.Header64{})),
	}
	var text bytes.Buffer
	require.NoError(t, binary.Write(&text, binary.LittleEndian, &header))
	text.WriteString(machine.String())
	file := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(file, text.Bytes(), 0o600))
	return file
}

const authorities = "-----BEGIN CERTIFICATE-----\nnot a real one\n-----END CERTIFICATE-----\n"

// built runs the command for both architectures and returns the archive.
func built(t *testing.T, amd64, arm64 string, more ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	ca, out := filepath.Join(dir, "ca"), filepath.Join(dir, "out")
	require.NoError(t, os.WriteFile(ca, []byte(authorities), 0o600))
	require.NoError(t, run(append([]string{"-o", out, "-ca", ca, "-name", "test:1", "-binary", "amd64=" + amd64, "-binary", "arm64=" + arm64}, more...)))
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	return text
}

type entry struct {
	header *tar.Header
	text   []byte
}

// unpack returns what is in a tar, by name, and the names in their order.
func unpack(t *testing.T, text []byte) (entries map[string]entry, names []string) {
	t.Helper()
	entries = map[string]entry{}
	for r := tar.NewReader(bytes.NewReader(text)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return entries, names
		}
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NotContains(t, entries, header.Name)
		entries[header.Name] = entry{header, content}
		names = append(names, header.Name)
	}
}

// blob returns content by its descriptor, whose digest and size have to be right.
func blob(t *testing.T, entries map[string]entry, d descriptor) []byte {
	t.Helper()
	e, ok := entries[blobPath(d.Digest)]
	require.True(t, ok, d.Digest)
	require.Equal(t, d.Digest, digest(e.text))
	require.Len(t, e.text, d.Size)
	return e.text
}

func parse(t *testing.T, text []byte, into any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	require.NoError(t, decoder.Decode(into))
}

// Another program has an image of its own name.
func TestAnotherProgram(t *testing.T) {
	t.Parallel()
	entries, _ := unpack(t, built(t, madeUp(t, elf.EM_X86_64), madeUp(t, elf.EM_AARCH64), "-program", "other"))
	found := 0
	for _, e := range entries {
		if bytes.HasPrefix(e.text, []byte("{")) && bytes.Contains(e.text, []byte(`"Entrypoint":["/usr/bin/other"]`)) {
			found++
		}
	}
	require.Equal(t, 2, found, "one for each architecture")
}

// The image has what it is said to have, with the digests that it is said to have, for
// each architecture, and nothing else.
func TestImage(t *testing.T) {
	t.Parallel()
	files := map[string]string{"amd64": madeUp(t, elf.EM_X86_64), "arm64": madeUp(t, elf.EM_AARCH64)}
	entries, _ := unpack(t, built(t, files["amd64"], files["arm64"]))
	require.JSONEq(t, `{"imageLayoutVersion":"1.0.0"}`, string(entries["oci-layout"].text))
	var top, all index
	parse(t, entries["index.json"].text, &top)
	require.Len(t, top.Manifests, 1)
	require.Equal(t, "test:1", top.Manifests[0].Annotations["org.opencontainers.image.ref.name"])
	parse(t, blob(t, entries, top.Manifests[0]), &all)
	require.Len(t, all.Manifests, 2)
	for _, d := range all.Manifests {
		var m manifest
		parse(t, blob(t, entries, d), &m)
		require.Len(t, m.Layers, 1)
		var config struct {
			Architecture, OS string
			Config           struct{ Entrypoint, Cmd []string }
			RootFS           struct {
				DiffIDs []string `json:"diff_ids"`
			}
		}
		parse(t, blob(t, entries, m.Config), &config)
		require.Equal(t, *d.Platform, platform{config.Architecture, config.OS})
		require.Equal(t, []string{"/usr/bin/infisicalfs"}, config.Config.Entrypoint)
		require.Empty(t, config.Config.Cmd)

		z, err := gzip.NewReader(bytes.NewReader(blob(t, entries, m.Layers[0])))
		require.NoError(t, err)
		plain, err := io.ReadAll(z)
		require.NoError(t, err)
		require.Equal(t, []string{digest(plain)}, config.RootFS.DiffIDs)
		content, names := unpack(t, plain)
		require.Equal(t, []string{
			"etc/", "etc/ssl/", "etc/ssl/certs/", "etc/ssl/certs/ca-certificates.crt", "run/", "tmp/", "usr/", "usr/bin/", "usr/bin/infisicalfs",
		}, names)
		for name, e := range content {
			require.Zero(t, e.header.Uid+e.header.Gid, name)
			require.Zero(t, e.header.ModTime.Unix(), name)
			require.True(t, name == "tmp/" || e.header.Mode&0o022 == 0, "%s may be written by others than root", name)
		}
		text, err := os.ReadFile(files[config.Architecture])
		require.NoError(t, err)
		require.True(t, bytes.Equal(text, content["usr/bin/infisicalfs"].text))
		require.Equal(t, authorities, string(content["etc/ssl/certs/ca-certificates.crt"].text))
		require.EqualValues(t, 0o1777, content["tmp/"].header.Mode)
	}
	// For docker load: the first, by the same blobs.
	var list []struct {
		Config           string
		RepoTags, Layers []string
	}
	parse(t, entries["manifest.json"].text, &list)
	require.Len(t, list, 1)
	require.Equal(t, []string{"test:1"}, list[0].RepoTags)
	require.Contains(t, string(entries[list[0].Config].text), `"amd64"`)
	require.Contains(t, entries, list[0].Layers[0])

	require.True(t, bytes.Equal(built(t, files["amd64"], files["arm64"]), built(t, files["amd64"], files["arm64"])), "the same files give the same bytes")

	dev, _ := unpack(t, built(t, files["amd64"], files["arm64"], "-dev"))
	parse(t, dev["manifest.json"].text, &list)
	require.Contains(t, string(dev[list[0].Config].text), `"Cmd":["dev","--listen=0.0.0.0:8080"],"ExposedPorts":{"8080/tcp":{}}`)
}

// What could not run alone, or not there, does not get into an image.
func TestWhatIsNoImage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca, out := filepath.Join(dir, "ca"), filepath.Join(dir, "out")
	require.NoError(t, os.WriteFile(ca, []byte(authorities), 0o600))
	amd64 := madeUp(t, elf.EM_X86_64)
	for words, want := range map[string]string{
		"-binary=arm64=" + amd64:                      "it is for EM_X86_64, and not for arm64",
		"-binary=z80=" + amd64:                        `no architecture is called "z80"`,
		"-binary=amd64=" + ca:                         "bad magic number",
		"-binary=amd64=" + filepath.Join(dir, "none"): "no such file",
		"-name=x": "usage",
	} {
		err := run([]string{"-o", out, "-ca", ca, words})
		require.ErrorContains(t, err, want)
		require.NoFileExists(t, out)
	}
	require.ErrorContains(t, run([]string{"-o", out, "-ca", filepath.Join(dir, "none"), "-binary=amd64=" + amd64}), "certificate authorities")
	shell, err := exec.LookPath("sh") // wants a C library
	require.NoError(t, err)
	err = run([]string{"-o", out, "-ca", ca, "-binary", runtime.GOARCH + "=" + shell})
	require.ErrorContains(t, err, "it is not static")
	require.NoFileExists(t, out)
}

// podman takes the archive, and of it the part for this machine.
func TestPodmanLoadsTheImage(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("podman"); err != nil || os.Geteuid() != 0 {
		require.Empty(t, os.Getenv("REQUIRE_FUSE"), "podman as root: %v", err)
		t.Skip("podman as root: ", err)
	}
	dir, err := os.MkdirTemp("", "pod") // its paths may have 50 characters
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	file := filepath.Join(dir, "image.tar")
	require.NoError(t, os.WriteFile(file, built(t, madeUp(t, elf.EM_X86_64), madeUp(t, elf.EM_AARCH64)), 0o600))
	podman := func(args ...string) (string, error) {
		cmd := exec.Command("podman", append([]string{"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run"), "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"}, args...)...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := podman("load", "--input", file)
	require.NoError(t, err, out)
	out, err = podman("image", "inspect", "--format", "{{.Architecture}} {{.Config.Entrypoint}}", "test:1")
	require.NoError(t, err, out)
	require.Equal(t, runtime.GOARCH+" [/usr/bin/infisicalfs]", strings.TrimSpace(out))
	out, err = podman("create", "--name", "made", "--network", "none", "test:1", "alone")
	require.NoError(t, err, out)
	out, err = podman("rm", "made")
	require.NoError(t, err, out)
}
