package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrNoSocket means that no process answers for the mount here: it is dead, has
// none, or is in a container with directories of its own.
var ErrNoSocket = errors.New("no process answers for it")

// maxAnswer bounds what is read of an answer; a text has at most a few MiB.
const maxAnswer = 64 << 20

// Target is a mount that can be asked.
type Target struct {
	Connection int
	UID        int // whose process it is
}

// Ask puts a question to the process behind a mount, and stores what it answers
// in answer, which may be nil. It returns who answered. The error is
// [ErrNoSocket], a [*Error], that of ctx, or one about the way.
func Ask(ctx context.Context, of Target, call string, params map[string]string, answer any) (peer Peer, err error) {
	err = eachSocket(of, func(dir *directory, name string) error {
		peer, err = ask(ctx, dir, name, of.UID, call, params, answer)
		return err
	})
	return peer, err
}

// Open is Ask for a call that is answered with a [Stream], and returns the connection
// to go on with, which is the caller's to close.
func Open(ctx context.Context, of Target, call string, params map[string]string) (conn *net.UnixConn, peer Peer, err error) {
	err = eachSocket(of, func(dir *directory, name string) error {
		conn, peer, err = open(ctx, dir, name, of.UID, call, params)
		return err
	})
	return conn, peer, err
}

// eachSocket calls try with the sockets of a mount until somebody listens at one.
func eachSocket(of Target, try func(dir *directory, name string) error) error {
	for _, path := range socketDirs(of.UID) {
		dir, err := enter(path, of.UID)
		if err != nil {
			continue
		}
		err = eachIn(dir, of, try)
		dir.close()
		if !errors.Is(err, ErrNoSocket) {
			return err
		}
	}
	return ErrNoSocket
}

// eachIn is eachSocket for one directory. Sockets that nobody listens at are of killed
// processes.
func eachIn(dir *directory, of Target, try func(dir *directory, name string) error) error {
	for _, name := range dir.names() {
		if connection, ok := connectionOf(name); !ok || connection != of.Connection {
			continue
		}
		if err := try(dir, name); !errors.Is(err, ErrNoSocket) {
			return err
		}
	}
	return ErrNoSocket
}

// ask asks at one socket.
func ask(ctx context.Context, dir *directory, name string, uid int, call string, params map[string]string, answer any) (Peer, error) {
	var peer Peer
	connect := func(ctx context.Context, _, _ string) (c net.Conn, err error) {
		c, peer, err = dial(ctx, dir, name, uid)
		return c, err
	}
	transport := &http.Transport{DialContext: connect, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()

	r, err := request(ctx, call, params)
	if err != nil {
		return peer, err
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return peer, err
	}
	defer response.Body.Close()
	return peer, decode(response, answer)
}

// request asks with the parameters, which may be nil.
func request(ctx context.Context, call string, params map[string]string) (*http.Request, error) {
	if params == nil {
		params = map[string]string{}
	}
	body, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	return http.NewRequestWithContext(ctx, http.MethodPost, "http://mount/"+call, bytes.NewReader(body))
}

// open asks at one socket for a connection. What is read ahead of the answer's end is
// nothing: the server waits for our first word.
func open(ctx context.Context, dir *directory, name string, uid int, call string, params map[string]string) (*net.UnixConn, Peer, error) {
	r, err := request(ctx, call, params)
	if err != nil {
		return nil, Peer{}, err
	}
	c, peer, err := dial(ctx, dir, name, uid)
	if err != nil {
		return nil, peer, err
	}
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) }) // the past
	defer stop()
	err = r.Write(c)
	var response *http.Response
	if err == nil {
		response, err = http.ReadResponse(bufio.NewReader(c), r)
	}
	if err == nil && response.StatusCode != http.StatusSwitchingProtocols {
		err = decode(response, nil)
		if err == nil {
			err = errors.New("the answer is no connection")
		}
	}
	if err != nil {
		c.Close()
		return nil, peer, err
	}
	return c.(*net.UnixConn), peer, nil // as dial made it
}

// dial connects to a socket and makes sure that the process behind it is uid's.
func dial(ctx context.Context, dir *directory, name string, uid int) (net.Conn, Peer, error) {
	c, err := new(net.Dialer).DialContext(ctx, "unix", dir.address(name))
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, Peer{}, ErrNoSocket
	}
	if err != nil {
		return nil, Peer{}, err
	}
	peer, err := peerOf(c)
	if err == nil && peer.UID != uint32(uid) {
		err = fmt.Errorf("%s/%s belongs to user %d", dir.path, name, peer.UID)
	}
	if err != nil {
		c.Close()
		return nil, peer, err
	}
	return c, peer, nil
}

// decode reads an answer into answer, which may be nil, or the [*Error] in its place.
func decode(response *http.Response, answer any) error {
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	failure := &Error{}
	if response.StatusCode != http.StatusOK {
		answer = failure
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("the answer is not what this version reads: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return failure
	}
	return nil
}

// List returns the mounts of this user, as root of all users, that have a socket.
// One that nobody listens at is a dead process's; whoever asks finds out.
func List() []Target {
	users := map[int]bool{os.Geteuid(): true}
	if os.Geteuid() == 0 {
		for _, pattern := range []string{"/run/user/*", "/tmp/infisicalfs-*", filepath.Join(os.TempDir(), "infisicalfs-*")} {
			paths, _ := filepath.Glob(pattern)
			for _, path := range paths {
				name := filepath.Base(path)
				if uid, err := strconv.Atoi(strings.TrimPrefix(name, "infisicalfs-")); err == nil {
					users[uid] = true
				}
			}
		}
	}
	var found []Target
	seen := map[Target]bool{}
	for uid := range users {
		for _, path := range socketDirs(uid) {
			dir, err := enter(path, uid)
			if err != nil {
				continue
			}
			for _, name := range dir.names() {
				connection, ok := connectionOf(name)
				target := Target{connection, uid}
				if ok && !seen[target] {
					seen[target] = true
					found = append(found, target)
				}
			}
			dir.close()
		}
	}
	return found
}
