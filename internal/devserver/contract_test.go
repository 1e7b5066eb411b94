package devserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver/internal/store"
)

// The files in testdata/contract are what a real server of October 2024 was
// asked and what it answered, in the order of time; README.md there explains the
// format. Those in testdata/contract-2024-07 are the same of one of July. The
// tests ask the same of the profiles.

func TestContract2024(t *testing.T) { holdToContract(t, Y2024, "testdata/contract", 455) }

func TestContractJuly2024(t *testing.T) {
	holdToContract(t, July2024, "testdata/contract-2024-07", 247)
}

// holdToContract plays the cases of a folder, of which there must be so many.
func holdToContract(t *testing.T, profile Profile, dir string, count int) {
	cases, differences := readContract(t, dir), readDifferences(t, dir)
	require.Len(t, cases, count)
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Profile: profile, Seed: contractSeed(), RateLimit: DefaultRateLimit(profile)})
		require.NoError(t, err)
		defer s.Close()
		re := newReplay(t, s, dir)
		for _, c := range cases {
			for _, step := range c.Given {
				re.prepare(c.Name, step)
			}
			complaint := re.play(c)
			switch {
			case differences[c.Name] && complaint == "":
				t.Errorf("%s (%s) is listed as a difference, and is none", c.Name, c.What)
			case !differences[c.Name] && complaint != "":
				t.Errorf("%s (%s): %s", c.Name, c.What, complaint)
			}
			delete(differences, c.Name)
		}
		require.Empty(t, differences, "differences about cases that do not exist")
	})
}

// replay plays cases against a server. It fills in what placeholders stand for,
// and learns it from the answers.
type replay struct {
	t      *testing.T
	s      *Server
	client *http.Client
	shapes map[string]map[string]any
	known  bindings
	tokens map[string]string
	count  int
}

func newReplay(t *testing.T, s *Server, dir string) *replay {
	re := &replay{
		t: t, s: s,
		client: &http.Client{Transport: Transport(s), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		known:  bindings{"org": s.state.OrgID, "badly signed token": ""},
		tokens: map[string]string{},
	}
	data, err := os.ReadFile(dir + "/shapes.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &re.shapes))
	for _, p := range s.state.Projects {
		re.known["project "+p.Slug] = p.ID
	}
	for _, id := range s.state.Identities {
		re.known["identity "+id.Name] = id.ID
		re.known["client "+id.Name] = id.ClientID
		re.known["secret of client "+id.Name] = id.ClientSecret
	}
	re.known["token user"] = s.UserToken()
	token := re.token("admin")
	re.known["token admin"] = token
	re.known["badly signed token"] = token[:strings.LastIndex(token, ".")+1] + store.Base64url([]byte("not the signature of this"))
	return re
}

// token logs an identity in once for every label.
func (re *replay) token(label string) string {
	if label == "user" {
		return re.known["token user"]
	}
	if re.tokens[label] == "" {
		name, _, _ := strings.Cut(label, "/")
		cr := re.s.Credentials(name)
		require.NotEmpty(re.t, cr.ClientID, label)
		body := map[string]any{"clientId": cr.ClientID, "clientSecret": cr.ClientSecret}
		resp := re.send("POST /api/v1/auth/universal-auth/login", "application/json", mustJSON(body), nil)
		require.Equal(re.t, http.StatusOK, resp.status, label)
		re.tokens[label] = resp.body.(map[string]any)["accessToken"].(string)
		re.known["token "+label] = re.tokens[label]
	}
	return re.tokens[label]
}

func (re *replay) prepare(name string, step contractStep) {
	if step.Wait != "" {
		d, err := time.ParseDuration(step.Wait)
		require.NoError(re.t, err)
		time.Sleep(d)
		return
	}
	if step.Request == "" {
		re.token(step.As)
		return
	}
	for range max(1, step.Times) {
		header := map[string]string{"Authorization": "Bearer " + re.token(step.As)}
		if step.Times > 0 {
			header["X-Forwarded-For"] = "10.9.9.9"
		}
		text := ""
		if step.Body != nil {
			text = re.fill(string(mustJSON(step.Body)))
		}
		resp := re.send(re.fill(step.Request), "application/json", []byte(text), header)
		require.Equal(re.t, http.StatusOK, resp.status, "%s, before: %s: %v", name, step.Request, resp.body)
		if step.Binds != "" {
			for _, v := range resp.body.(map[string]any) {
				re.known[strings.Trim(step.Binds, "<>")] = v.(map[string]any)["id"].(string)
			}
		}
	}
}

// play asks and compares. It returns what differs, in words.
func (re *replay) play(c contractCase) string {
	header := map[string]string{}
	if c.As != "" {
		header["Authorization"] = "Bearer " + re.token(c.As)
	}
	for k, v := range c.Headers {
		header[k] = re.fill(v)
	}
	kind, text := c.Type, re.fill(c.Text)
	if c.Body != nil {
		kind, text = "application/json", re.fill(string(mustJSON(c.Body)))
	}
	got := re.send(re.fill(c.Request), kind, []byte(text), header)
	if etag := got.header.Get("Etag"); etag != "" {
		re.known["etag "+c.Name] = etag
	}
	return re.compare(c, got)
}

type received struct {
	status int
	header http.Header
	raw    []byte
	body   any
	failed error
}

// send makes one request, from a client address of its own unless the header
// says otherwise. Time passes before it, so that no two have the same.
func (re *replay) send(line, kind string, body []byte, header map[string]string) received {
	time.Sleep(time.Millisecond)
	re.count++
	method, target, _ := strings.Cut(line, " ")
	req, err := http.NewRequest(method, "http://devserver.invalid"+target, bytes.NewReader(body))
	if err != nil {
		return received{failed: err}
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("X-Forwarded-For", fmt.Sprintf("10.1.%d.%d", re.count/250, re.count%250))
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := re.client.Do(req)
	if err != nil {
		return received{failed: err}
	}
	defer resp.Body.Close()
	got := received{status: resp.StatusCode, header: resp.Header}
	if got.raw, err = io.ReadAll(resp.Body); err != nil {
		return received{failed: err}
	}
	if len(got.raw) > 0 {
		if err := json.Unmarshal(got.raw, &got.body); err != nil {
			return received{failed: err}
		}
	}
	return got
}

func mustJSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // placeholders have angle brackets
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(b.Bytes())
}
