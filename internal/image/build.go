package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// programs is where the image has its program.
const programs = "/usr/bin/"

// source is a program for an architecture, as Go calls that.
type source struct{ arch, file string }

// command is what a container of the image does.
type command struct {
	entrypoint, arguments []string // the first is the path of the program
	port                  string   // that it listens on, as in 8080/tcp; empty: none
}

// image is one image for one architecture.
type image struct {
	arch          string
	layer, config []byte
}

// machines are the architectures that an image can be for.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// build makes an image of a static program.
func build(b source, certificates []byte, start command) (image, error) {
	text, err := os.ReadFile(b.file)
	if err != nil {
		return image{}, err
	}
	if err := static(text, b.arch); err != nil {
		return image{}, fmt.Errorf("%s: %w", b.file, err)
	}
	plain, err := layer(start.entrypoint[0], text, certificates)
	if err != nil {
		return image{}, err
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(plain)
	if err = errors.Join(err, z.Close()); err != nil {
		return image{}, err
	}
	config, err := configuration(b.arch, digest(plain), start)
	return image{b.arch, packed.Bytes(), config}, err
}

// static fails for what cannot run alone: in the image there is no linker and no
// library.
func static(text []byte, arch string) error {
	f, err := elf.NewFile(bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer f.Close()
	machine, ok := machines[arch]
	if !ok {
		return fmt.Errorf("no architecture is called %q here", arch)
	}
	if f.Machine != machine {
		return fmt.Errorf("it is for %s, and not for %s", f.Machine, arch)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			return errors.New("it is not static: build it with CGO_ENABLED=0")
		}
	}
	return nil
}

// layer returns all that is in the image, a tar, with the program text at a path. Nothing in it has a date or belongs
// to anybody but root, so that it depends on the files alone.
func layer(program string, text, certificates []byte) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range []struct {
		name string
		mode int64
		text []byte // nil: a directory
	}{
		{"etc/", 0o755, nil},
		{"etc/ssl/", 0o755, nil},
		{"etc/ssl/certs/", 0o755, nil},
		{"etc/ssl/certs/ca-certificates.crt", 0o644, certificates},
		{"run/", 0o755, nil},
		{"tmp/", 0o1777, nil},
		{"usr/", 0o755, nil},
		{"usr/bin/", 0o755, nil},
		{program[1:], 0o755, text},
	} {
		header := tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.text)), Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		if e.text == nil {
			header.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(&header); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.text); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

// configuration returns the image's configuration as the OCI image specification and
// docker have it.
func configuration(arch, layer string, start command) ([]byte, error) {
	type process struct {
		Env          []string
		Entrypoint   []string
		Cmd          []string            `json:",omitempty"`
		ExposedPorts map[string]struct{} `json:",omitempty"`
		WorkingDir   string
	}
	var c struct {
		Created      time.Time `json:"created"`
		Architecture string    `json:"architecture"`
		OS           string    `json:"os"`
		Config       process   `json:"config"`
		RootFS       struct {
			Type    string   `json:"type"`
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	c.Created, c.Architecture, c.OS = time.Unix(0, 0).UTC(), arch, "linux"
	c.Config = process{Env: []string{"PATH=/usr/bin"}, Entrypoint: start.entrypoint, Cmd: start.arguments, WorkingDir: "/"}
	if start.port != "" {
		c.Config.ExposedPorts = map[string]struct{}{start.port: {}}
	}
	c.RootFS.Type, c.RootFS.DiffIDs = "layers", []string{layer}
	return json.Marshal(c)
}

// digest names content.
func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}
