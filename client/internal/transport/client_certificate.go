package transport

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"infisicalfs/internal/namedfile"
	"infisicalfs/secret"
)

// ClientCertificate is what a gateway in front of the server wants to see in each TLS
// handshake. Its files are followed: what replaces them is shown on all connections that
// are made afterwards. [LoadClientCertificate] makes it.
type ClientCertificate struct {
	files [2]string // with the certificate and its chain, and with the key; may be one
	first tls.Certificate
	stamp [2]fs.FileInfo // of the files when first was read
}

// LoadClientCertificate reads a client certificate with its chain, and its key, both in
// PEM form. A file that cannot be read is an [os.PathError]; what is no
// certificate with its key, or has ended, is [secret.ErrInvalid].
func LoadClientCertificate(certificate, key string) (*ClientCertificate, error) {
	c := &ClientCertificate{files: [2]string{certificate, key}}
	var err error
	if c.stamp, err = stampOf(c.files); err != nil {
		return nil, err
	}
	if c.first, err = readCertificate(c.files); err != nil {
		return nil, err
	}
	if leaf := c.first.Leaf; leaf != nil && time.Now().After(leaf.NotAfter) {
		return nil, fmt.Errorf("the client certificate in %s has ended (at %s): %w", certificate, leaf.NotAfter.UTC().Format(time.RFC3339), secret.ErrInvalid)
	}
	return c, nil
}

func readCertificate(files [2]string) (tls.Certificate, error) {
	var text [2][]byte
	for i, file := range files {
		var err error
		if text[i], err = namedfile.Read(file, maxPEM); err != nil {
			return tls.Certificate{}, fmt.Errorf("no client certificate: %w", err)
		}
		defer clear(text[i])
	}
	pair, err := tls.X509KeyPair(text[0], text[1])
	if err != nil {
		return pair, fmt.Errorf("no client certificate in %s with its key in %s: %w: %w", files[0], files[1], err, secret.ErrInvalid)
	}
	return pair, nil
}

func stampOf(files [2]string) (stamp [2]fs.FileInfo, err error) {
	for i, file := range files {
		if stamp[i], err = os.Stat(file); err != nil {
			return stamp, fmt.Errorf("no client certificate: %w", err)
		}
	}
	return stamp, nil
}

// sameStamp reports whether files are as they were.
func sameStamp(a, b [2]fs.FileInfo) bool {
	for i := range a {
		if !os.SameFile(a[i], b[i]) || !a[i].ModTime().Equal(b[i].ModTime()) || a[i].Size() != b[i].Size() {
			return false
		}
	}
	return true
}

// certified carries requests over connections on which the client certificate is shown.
// Each certificate has connections of its own, so that none that was made with the
// one before carries a request once the files are replaced.
type certified struct {
	files [2]string
	with  func(*tls.Certificate) *http.Transport
	log   *slog.Logger

	shown   atomic.Pointer[shown]
	looking chan struct{}  // semaphore of who looks whether the files are replaced
	failed  [2]fs.FileInfo // what the files were when they last made no certificate; of who looks
}

// shown is one certificate's connections.
type shown struct {
	stamp [2]fs.FileInfo
	http  *http.Transport
}

// newCertified begins with the certificate as it was loaded. with makes connections that show one.
func newCertified(c *ClientCertificate, with func(*tls.Certificate) *http.Transport, log *slog.Logger) *certified {
	t := &certified{files: c.files, with: with, log: log, looking: make(chan struct{}, 1)}
	t.shown.Store(&shown{c.stamp, with(&c.first)})
	return t
}

// RoundTrip implements [http.RoundTripper].
func (t *certified) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case t.looking <- struct{}{}:
		t.renew()
		<-t.looking
	default: // somebody else does
	}
	return t.shown.Load().http.RoundTrip(r)
}

// renew takes what has replaced the files. As long as that is no certificate, for instance
// because only one of the two is replaced yet, the one before stays.
func (t *certified) renew() {
	now := t.shown.Load()
	stamp, err := stampOf(t.files)
	if err != nil || sameStamp(stamp, now.stamp) || t.failed[0] != nil && sameStamp(stamp, t.failed) {
		return
	}
	pair, err := readCertificate(t.files)
	if err != nil {
		t.failed = stamp
		t.log.Warn("the client certificate was replaced by what is none; the one before is shown", "error", err)
		return
	}
	t.shown.Store(&shown{stamp, t.with(&pair)})
	now.http.CloseIdleConnections()
	t.log.Info("the client certificate was replaced", "file", t.files[0])
}

// CloseIdleConnections does for [http.Client.CloseIdleConnections].
func (t *certified) CloseIdleConnections() { t.shown.Load().http.CloseIdleConnections() }
