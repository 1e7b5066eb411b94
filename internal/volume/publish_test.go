//go:build linux

package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/internal/mounttable"
	"infisicalfs/secret"
)

// node is a world where volumes are at paths of the caller's, for pods whose service accounts
// log in.
type node struct {
	*world
	pods string
}

func newNode(t *testing.T) *node {
	w := newWorld(t)
	w.base += "/pods" // unmountAll looks there
	require.NoError(t, os.MkdirAll(w.base, 0o755))
	w.change = func(cfg *Config) {
		cfg.BaseDir, cfg.Login = "", nil
		cfg.LoginAs = func(a Account, credential func() (secret.Value, error)) (client.Config, error) {
			proof := func(context.Context) (client.Proof, error) {
				token, err := credential()
				return client.Proof{Fields: map[string]any{"identityId": a.Identity, "jwt": token.Reveal()}, Secret: []string{"jwt"}}, err
			}
			inputs := func() ([]byte, error) {
				token, err := credential()
				return []byte(token.Reveal()), err
			}
			auth := client.IdentityAuth(client.Method{Name: a.Method, Path: "kubernetes-auth", Proof: proof, Inputs: inputs, Remote: true})
			return client.Config{URL: w.url, Auth: auth}, nil
		}
	}
	require.NoError(t, w.Edit(func(e *devserver.Editor) error {
		for _, name := range []string{"admin", "viewer", "no-access"} {
			if err := e.SetLogin(name, devserver.Login{Method: "kubernetes-auth", Subject: "system:serviceaccount:shop:*", Audiences: []string{"infisical"}}); err != nil {
				return err
			}
		}
		return nil
	}))
	return &node{w, w.base}
}

// token is a service account's.
func (n *node) token(account string, life time.Duration) Handed {
	until := time.Now().Add(life)
	jwt := n.IssueJWT(map[string]any{"sub": "system:serviceaccount:shop:" + account, "aud": []string{"infisical"}, "exp": until.Unix()})
	return Handed{Credential: secret.NewValue(jwt), Until: until}
}

// pod is a volume for a pod of a service account, as an identity of the server's.
func (n *node) pod(name, identity, account string, words map[string]string) Publication {
	h := n.token(account, time.Hour)
	h.Account = Account{Method: "kubernetes", Identity: n.Credentials(identity).IdentityID, Subject: "shop/" + account}
	return Publication{Target: filepath.Join(n.pods, name), ID: "volume of " + name, Words: words, Handed: h}
}

func TestPublish(t *testing.T) {
	n := newNode(t)
	m := n.open()
	p := n.pod("a", "admin", "web", dev())
	require.NoError(t, m.Publish(t.Context(), p))
	n.reads(p.Target+"/GREETING", "hello, world")
	before := len(n.Requests())
	require.NoError(t, m.Publish(t.Context(), p))
	require.Len(t, n.Requests(), before, "nobody is asked about a volume that is there")
	require.Len(t, n.live(), 1)

	v, err := m.Published(t.Context(), p.Target, p.ID)
	require.NoError(t, err)
	require.Equal(t, true, v.Status["mounted"])
	_, err = m.Published(t.Context(), p.Target, "another")
	require.ErrorIs(t, err, ErrNotFound)

	other := p
	other.ID = "another"
	require.ErrorIs(t, m.Publish(t.Context(), other), ErrConflict)
	other = p
	other.Words = dev("env=prod")
	other.Handed.Account.Identity = "another"
	require.NoError(t, m.Publish(t.Context(), other), "what is there is not disturbed")
	n.reads(p.Target+"/GREETING", "hello, world")

	for range 2 {
		require.NoError(t, m.Unpublish(t.Context(), p.Target))
		require.NoDirExists(t, p.Target)
	}
	require.Empty(t, n.live())
	require.NoError(t, m.Unpublish(t.Context(), n.pods+"/no/such/place"))
	text, err := os.ReadFile(n.state + "/" + stateName)
	require.NoError(t, err)
	require.NotContains(t, string(text), p.Target, "it is forgotten")
}

// What fails leaves neither a directory nor a volume behind, and tells in time.
func TestPublishFails(t *testing.T) {
	n := newNode(t)
	m := n.open()
	for name, c := range map[string]struct {
		p    Publication
		want error
	}{
		"no access": {n.pod("a", "no-access", "web", dev()), secret.ErrNotFound}, // it is in no project
		"absent":    {n.pod("b", "admin", "web", dev("env=none")), secret.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, m.Publish(t.Context(), c.p), c.want)
			require.NoDirExists(t, c.p.Target)
		})
	}
	wrong := n.pod("c", "admin", "web", dev())
	wrong.Handed.Credential = secret.NewValue(n.IssueJWT(map[string]any{"sub": "system:serviceaccount:other:web", "aud": []string{"infisical"}}))
	require.ErrorIs(t, m.Publish(t.Context(), wrong), secret.ErrUnauthenticated)
	require.ErrorContains(t, m.Publish(t.Context(), wrong), "service account is not allowed")
	require.Error(t, m.Publish(t.Context(), n.pod("d", "admin", "web", map[string]string{"client-secret": "x"})))
	require.Error(t, m.Publish(t.Context(), n.pod("no/such/parent", "admin", "web", dev())))
	require.Error(t, m.Publish(t.Context(), Publication{Target: "relative", ID: "x", Words: dev()}))
	require.Empty(t, m.List())
	require.Empty(t, n.live())
	m.work.Wait() // the logins of accounts that nobody has end
	require.Empty(t, m.identities.handed)

	require.NoError(t, m.Publish(t.Context(), n.pod("c", "admin", "web", dev())), "what is right is not held against what was wrong")
}

// Pods of one service account share a login and a cache; those of others do not.
func TestPodsShare(t *testing.T) {
	n := newNode(t)
	m := n.open()
	list := func(names ...string) (requests int) {
		before := len(n.Requests())
		for _, name := range names {
			p := n.pod(name, "admin", name[:3], dev())
			require.NoError(t, m.Publish(t.Context(), p))
			n.reads(p.Target+"/GREETING", "hello, world")
		}
		return len(n.Requests()) - before
	}
	one := list("web1")
	require.Positive(t, one)
	require.Zero(t, list("web2", "web3", "web4"))
	require.Equal(t, one, list("job1", "job2"))

	// The token of a pod that is gone counts no more, as the cluster does not accept it.
	require.NoError(t, m.Unpublish(t.Context(), n.pods+"/web1"))
	n.reads(n.pods+"/web2/GREETING", "hello, world")
	require.Len(t, m.identities.handed, 2)
	for _, name := range []string{"web2", "web3", "web4"} {
		require.NoError(t, m.Unpublish(t.Context(), n.pods+"/"+name))
	}
	require.Len(t, m.identities.handed, 1, "nobody keeps what nobody uses")
	n.reads(n.pods+"/job1/GREETING", "hello, world")
}

// After a restart a volume is there again, and needs a token that it does not have yet.
func TestPublishedVolumesComeBack(t *testing.T) {
	n := newNode(t)
	m := n.open()
	a, b, gone := n.pod("a", "admin", "web", dev()), n.pod("b", "viewer", "job", dev()), n.pod("gone", "admin", "web", dev())
	for _, p := range []Publication{a, b, gone} {
		require.NoError(t, m.Publish(t.Context(), p))
	}
	require.NoError(t, m.Close())
	text, err := os.ReadFile(n.state + "/" + stateName)
	require.NoError(t, err)
	require.Contains(t, string(text), a.Handed.Account.Identity)
	require.NotContains(t, string(text), a.Handed.Credential.Reveal(), "no token is on the disk")
	require.NoError(t, clearTarget(t.Context(), gone.Target), "as a machine that is started anew does")

	m = n.open()
	require.Len(t, n.live(), 2)
	require.Len(t, m.List(), 2)
	before := len(n.Requests())
	_, err = os.ReadFile(a.Target + "/GREETING")
	require.Error(t, err)
	require.False(t, errors.Is(err, os.ErrNotExist), "an outage is no absence: %v", err)
	require.Len(t, n.Requests(), before)

	a.Handed = Handed{Account: a.Handed.Account, Credential: n.token("web", 2*time.Hour).Credential}
	require.NoError(t, m.Publish(t.Context(), a))
	n.reads(a.Target+"/GREETING", "hello, world")
	_, err = os.ReadFile(b.Target + "/GREETING")
	require.Error(t, err, "each needs a token of its own")
	require.NoError(t, m.Publish(t.Context(), b))
	n.reads(b.Target+"/GREETING", "hello, world")
	require.Len(t, n.live(), 2)
	for _, p := range []Publication{a, b, gone} {
		require.NoError(t, m.Unpublish(t.Context(), p.Target))
		require.NoDirExists(t, p.Target)
	}
	require.Empty(t, n.live())
}

// Unpublish removes what several processes have left on one another, and nothing of others.
func TestUnpublishUnmountsAll(t *testing.T) {
	n := newNode(t)
	m := n.open()
	p := n.pod("a", "admin", "web", dev())
	require.NoError(t, m.Publish(t.Context(), p))
	require.NoError(t, m.Close())
	require.NoError(t, os.Remove(n.state+"/"+stateName)) // as if it were another node's
	m = n.open()
	require.Empty(t, m.List())
	require.NoError(t, m.Unpublish(t.Context(), p.Target), "of a process that nobody knows")
	require.NoDirExists(t, p.Target)

	table, err := mounttable.Read()
	require.NoError(t, err)
	require.Nil(t, table.At(p.Target))
	require.NoError(t, os.Mkdir(p.Target, 0o755))
	require.NoError(t, os.WriteFile(p.Target+"/theirs", nil, 0o600))
	require.Error(t, m.Unpublish(t.Context(), p.Target))
	require.FileExists(t, p.Target+"/theirs")
}

// What somebody has unmounted is mounted again, also while somebody else still has it.
func TestPublishWhatWasUnmounted(t *testing.T) {
	n := newNode(t)
	m := n.open()
	p := n.pod("a", "admin", "web", dev())
	for _, held := range []bool{false, true} {
		require.NoError(t, m.Publish(t.Context(), p))
		if held {
			dir, err := os.Open(p.Target)
			require.NoError(t, err)
			defer dir.Close()
		}
		require.NoError(t, unix.Unmount(p.Target, unix.MNT_DETACH))
		require.Eventually(t, func() bool {
			require.NoError(t, m.Publish(t.Context(), p))
			text, err := os.ReadFile(p.Target + "/GREETING")
			return err == nil && string(text) == "hello, world"
		}, 10*time.Second, time.Millisecond)
		require.Len(t, n.live(), 1)
	}
	require.NoError(t, m.Unpublish(t.Context(), p.Target))
	require.NoDirExists(t, p.Target)
}

// Calls of any number at once and in any order come to what the last of them wants.
func TestPublishAndUnpublishAtOnce(t *testing.T) {
	n := newNode(t)
	m := n.open()
	done := make(chan error)
	const pods, calls = 4, 6
	for i := range pods {
		for j := range calls {
			p := n.pod(fmt.Sprint("pod", i), "admin", "web", dev())
			go func() {
				if j%2 == 0 {
					done <- m.Publish(t.Context(), p)
				} else {
					done <- m.Unpublish(t.Context(), p.Target)
				}
			}()
		}
	}
	for range pods * calls {
		require.NoError(t, <-done)
	}
	for i := range pods {
		p := n.pod(fmt.Sprint("pod", i), "admin", "web", dev())
		require.NoError(t, m.Publish(t.Context(), p))
		n.reads(p.Target+"/GREETING", "hello, world")
		require.NoError(t, m.Unpublish(t.Context(), p.Target))
		require.NoDirExists(t, p.Target)
	}
	require.Empty(t, n.live())
	require.Empty(t, m.List())
}

// A credential that nobody vouches for is tried before its volume shows what others have fetched,
// and one that is not let in is nobody's trouble but its own.
func TestUnprovenCredentials(t *testing.T) {
	n := newNode(t)
	m := n.open()
	unproven := func(name, account string) Publication {
		p := n.pod(name, "admin", "web", dev())
		p.Handed.Unproven = true
		p.Handed.Credential = n.token(account, time.Hour).Credential
		return p
	}
	require.NoError(t, m.Publish(t.Context(), unproven("a", "web")))
	thief := unproven("b", "web")
	thief.Handed.Credential = secret.NewValue(n.IssueJWT(map[string]any{"sub": "system:serviceaccount:other:web", "aud": []string{"infisical"}}))
	require.ErrorIs(t, m.Publish(t.Context(), thief), secret.ErrUnauthenticated)
	require.NoDirExists(t, thief.Target)

	again := unproven("a", "web")
	again.Handed.Credential = thief.Handed.Credential
	require.NoError(t, m.Publish(t.Context(), again), "it is mounted")
	require.NoError(t, m.Publish(t.Context(), unproven("b", "job")))
	n.reads(n.pods+"/a/GREETING", "hello, world")
	newest, err := m.identities.newest(again.Handed.Account)
	require.NoError(t, err)
	require.False(t, newest.Equal(thief.Handed.Credential))
}
