// Command image writes a container image of infisicalfs as one file, which docker
// load and podman load take, and skopeo and registries as an OCI layout. It pulls
// nothing: the image begins empty and has one static program, certificates, and
// the two directories that the program writes to.
//
//	image -o infisicalfs.tar -name infisicalfs:1.0 -binary amd64=FILE -binary arm64=FILE [-program NAME] [-dev]
//
// With -dev the image runs the server for development. The same files give the same
// bytes, whenever and wherever it is run with one version of Go.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// run is main without the process.
func run(args []string) error {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	out := flags.String("o", "", "`file` to write")
	name := flags.String("name", "infisicalfs:latest", "what the image is called once it is loaded")
	authorities := flags.String("ca", "/etc/ssl/certs/ca-certificates.crt", "`file` with the certificate authorities to trust, PEM")
	program := flags.String("program", "infisicalfs", "what the program is called")
	dev := flags.Bool("dev", false, "run the server for development")
	var sources []source
	flags.Func("binary", "`ARCH=FILE`, a static program for Linux; can be repeated, and the first is what docker load takes", func(word string) error {
		arch, file, ok := strings.Cut(word, "=")
		if !ok {
			return fmt.Errorf("%q is not ARCH=FILE", word)
		}
		sources = append(sources, source{arch, file})
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *out == "" || len(sources) == 0 || flags.NArg() > 0 {
		return fmt.Errorf("usage: image -o FILE -binary ARCH=FILE")
	}
	certificates, err := os.ReadFile(*authorities)
	if err != nil {
		return fmt.Errorf("certificate authorities: %w", err)
	}
	start := command{entrypoint: []string{programs + *program}}
	if *dev {
		start.arguments, start.port = []string{"dev", "--listen=0.0.0.0:8080"}, "8080/tcp"
	}
	var images []image
	for _, b := range sources {
		one, err := build(b, certificates, start)
		if err != nil {
			return err
		}
		images = append(images, one)
	}
	return write(*out, *name, images)
}
