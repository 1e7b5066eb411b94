package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"time"
)

// Types of content, from the OCI image specification.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// descriptor points to content by its digest.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

// archive is a file of named contents. The first error stays.
type archive struct {
	w    *tar.Writer
	seen map[string]bool
	err  error
}

// add adds a file, once.
func (a *archive) add(name string, text []byte) {
	if a.err != nil || a.seen[name] {
		return
	}
	a.seen[name] = true
	header := tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if a.err = a.w.WriteHeader(&header); a.err == nil {
		_, a.err = a.w.Write(text)
	}
}

// addJSON adds a file that is not found by its digest.
func (a *archive) addJSON(name string, content any) {
	text, err := json.Marshal(content)
	a.err = errors.Join(a.err, err)
	a.add(name, text)
}

// blob adds content that is found by its digest.
func (a *archive) blob(mediaType string, text []byte) descriptor {
	name := digest(text)
	a.add(blobPath(name), text)
	return descriptor{MediaType: mediaType, Digest: name, Size: len(text)}
}

func (a *archive) blobJSON(mediaType string, content any) descriptor {
	text, err := json.Marshal(content)
	a.err = errors.Join(a.err, err)
	return a.blob(mediaType, text)
}

func blobPath(digest string) string { return "blobs/" + strings.Replace(digest, ":", "/", 1) }

// write writes images, which differ by architecture, to a file: an OCI layout, and for
// docker load the first of them by its manifest.json, with the same blobs.
func write(file, name string, images []image) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	a := &archive{w: tar.NewWriter(f), seen: map[string]bool{}}
	all := index{SchemaVersion: 2, MediaType: typeIndex}
	for _, one := range images {
		d := a.blobJSON(typeManifest, manifest{
			SchemaVersion: 2, MediaType: typeManifest, Config: a.blob(typeConfig, one.config), Layers: []descriptor{a.blob(typeLayer, one.layer)},
		})
		d.Platform = &platform{one.arch, "linux"}
		all.Manifests = append(all.Manifests, d)
	}
	top := a.blobJSON(typeIndex, all)
	top.Annotations = map[string]string{
		"io.containerd.image.name":          "docker.io/library/" + name,
		"org.opencontainers.image.ref.name": name,
	}
	a.addJSON("oci-layout", map[string]string{"imageLayoutVersion": "1.0.0"})
	a.addJSON("index.json", index{SchemaVersion: 2, MediaType: typeIndex, Manifests: []descriptor{top}})
	a.addJSON("manifest.json", []map[string]any{{
		"Config": blobPath(digest(images[0].config)), "RepoTags": []string{name}, "Layers": []string{blobPath(digest(images[0].layer))},
	}})
	return errors.Join(a.err, a.w.Close())
}
