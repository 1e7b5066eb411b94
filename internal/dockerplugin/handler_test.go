package dockerplugin

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// The calls of one container's life, as Docker makes them.
func TestOneVolumesLife(t *testing.T) {
	f := newFake()
	e := newEngine(t, f)
	e.call("/Plugin.Activate", "", `{"Implements": ["VolumeDriver", "secretprovider"]}`)
	e.call("/VolumeDriver.Capabilities", "{}", `{"Capabilities": {"Scope": "local"}}`)
	e.call("/VolumeDriver.List", "", `{"Volumes": []}`)
	require.Equal(t, "there is no such volume", e.refused("/VolumeDriver.Get", `{"Name": "v"}`))
	require.Equal(t, "there is no such volume", e.refused("/VolumeDriver.Path", `{"Name": "v"}`))

	require.Empty(t, e.log.String(), "Docker asks about each name of others, too")
	e.call("/VolumeDriver.Create", `{"Name": "v", "Opts": {"project": "demo", "o": "env=dev,gid=7,chmod=\"A=0400,B=0444\",,write", "GID": "7"}}`, `{}`)
	require.Equal(t, map[string]string{"project": "demo", "gid": "7", "env": "dev", "chmod": "A=0400,B=0444", "write": "true"}, f.words["v"])
	e.call("/VolumeDriver.Get", `{"Name": "v"}`, `{"Volume": {"Name": "v", "Mountpoint": "/base/v", "CreatedAt": "2026-01-02T02:04:05Z", "Status": {"shows": "/demo/dev"}}}`)
	e.call("/VolumeDriver.List", "", `{"Volumes": [{"Name": "v", "Mountpoint": "/base/v", "CreatedAt": "2026-01-02T02:04:05Z"}]}`)
	e.call("/VolumeDriver.Path", `{"Name": "v"}`, `{"Mountpoint": "/base/v"}`)

	e.call("/VolumeDriver.Mount", `{"Name": "v", "ID": "one"}`, `{"Mountpoint": "/base/v"}`)
	e.call("/VolumeDriver.Mount", `{"Name": "v", "ID": "one"}`, `{"Mountpoint": "/base/v"}`)
	e.call("/VolumeDriver.Mount", `{"Name": "v", "ID": "two"}`, `{"Mountpoint": "/base/v"}`)
	e.call("/VolumeDriver.Unmount", `{"Name": "v", "ID": "one"}`, `{}`)
	e.call("/VolumeDriver.Unmount", `{"Name": "v", "ID": "never seen"}`, `{}`)
	require.Equal(t, "it is in use", e.refused("/VolumeDriver.Remove", `{"Name": "v"}`))
	e.call("/VolumeDriver.Unmount", `{"Name": "v", "ID": "two"}`, `{}`)
	e.call("/VolumeDriver.Remove", `{"Name": "v"}`, `{}`)
	e.call("/VolumeDriver.Remove", `{"Name": "v"}`, `{}`)
	e.call("/VolumeDriver.Unmount", `{"Name": "v", "ID": "two"}`, `{}`)
}

func TestWhatIsRefused(t *testing.T) {
	f := newFake()
	e := newEngine(t, f)
	e.call("/VolumeDriver.Create", `{"Name": "v", "Opts": {"project": "demo"}}`, `{}`)
	e.call("/VolumeDriver.Create", `{"Name": "v", "Opts": {"o": "project=demo"}}`, `{}`)
	require.Equal(t, "it exists with other options", e.refused("/VolumeDriver.Create", `{"Name": "v", "Opts": {"project": "other"}}`))
	for body, want := range map[string]string{
		"":  "the request is not the JSON that was expected",
		"[": "the request is not the JSON that was expected",
		`{"Name": 3, "Opts": {"token": "hunter2"}}`:                          "the request is not the JSON that was expected",
		`{"Name": "w", "Opts": {"o": "project=a,project=b"}}`:                `the option "project" is given twice, with different values`,
		`{"Name": "w", "Opts": {"project": "a", "o": "project=b"}}`:          `the option "project" is given twice, with different values`,
		`{"Name": "w", "Opts": {"o": "chmod=\"A=0400"}}`:                     "a double quote in the options is not closed",
		`{"Name": "w", "Opts": {"o": "` + strings.Repeat("x", 2<<20) + `"}}`: "the request has more than 1048576 bytes",
	} {
		require.Equal(t, want, e.refused("/VolumeDriver.Create", body))
	}
	require.NotContains(t, f.words, "w")
	require.NotContains(t, e.log.String(), "hunter2")

	for _, r := range []struct{ method, path string }{{"GET", "/VolumeDriver.List"}, {"POST", "/VolumeDriver.Format"}, {"POST", "/"}} {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(r.method, r.path, nil))
		require.GreaterOrEqual(t, w.Code, 400, r)
	}
}

// What fails is told to the engine in the words that people are told, and logged.
func TestFailuresAreExplained(t *testing.T) {
	f := newFake()
	f.fail = errors.New("denied")
	e := newEngine(t, f)
	e.Explain = func(err error) string { return err.Error() + ": give it access" }
	e.call("/VolumeDriver.Create", `{"Name": "v"}`, `{}`)
	require.Equal(t, "denied: give it access", e.refused("/VolumeDriver.Mount", `{"Name": "v", "ID": "one"}`))
	require.Contains(t, e.log.String(), `call=/VolumeDriver.Mount volume=v`)
	require.Contains(t, e.log.String(), `error="denied: give it access"`)
}

// An engine that does not wait for long is answered in time, and finds the volume
// mounted when it tries again. It stays mounted for a minute at most without anybody.
func TestMountGoesOnInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.slow = 20 * time.Second
		e := newEngine(t, f)
		e.call("/VolumeDriver.Create", `{"Name": "v"}`, `{}`)
		for range 3 { // the second and third do not start another
			began := time.Now()
			require.Contains(t, e.refused("/VolumeDriver.Mount", `{"Name": "v", "ID": "one"}`), `the volume "v" was not ready within 3.5s`)
			require.Less(t, time.Since(began), 4*time.Second)
		}
		time.Sleep(12 * time.Second) // 3.5 + 20 s since the first
		synctest.Wait()
		require.Zero(t, f.users("v"))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, 1, f.users("v"), "mounted, and kept")
		e.call("/VolumeDriver.Mount", `{"Name": "v", "ID": "one"}`, `{"Mountpoint": "/base/v"}`)
		synctest.Wait()
		require.Equal(t, map[string]bool{"one": true}, f.ids["v"], "kept until somebody has it")

		e.call("/VolumeDriver.Unmount", `{"Name": "v", "ID": "one"}`, `{}`)
		e.refused("/VolumeDriver.Mount", `{"Name": "v", "ID": "one"}`)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		require.Equal(t, 1, f.users("v"))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Zero(t, f.users("v"), "kept for a minute")
	})
}

// What goes on in the background, or was left by a process that was killed meanwhile,
// is not in the way of a removal.
func TestBackgroundIsInNobodysWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		e := newEngine(t, f)
		e.call("/VolumeDriver.Create", `{"Name": "v"}`, `{}`)
		f.ids["v"][ownID] = true
		newEngine(t, f)
		require.Zero(t, f.users("v"), "left by an earlier process")

		f.slow = 5 * time.Second
		e.refused("/VolumeDriver.Mount", `{"Name": "v", "ID": "one"}`)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, 1, f.users("v"))
		e.call("/VolumeDriver.Remove", `{"Name": "v"}`, `{}`)
	})
}

// An unmount that takes long is finished all the same.
func TestUnmountGoesOnInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		e := newEngine(t, f)
		e.call("/VolumeDriver.Create", `{"Name": "v"}`, `{}`)
		e.call("/VolumeDriver.Mount", `{"Name": "v", "ID": "one"}`, `{"Mountpoint": "/base/v"}`)
		f.slowUnmount = 10 * time.Second
		require.Contains(t, e.refused("/VolumeDriver.Unmount", `{"Name": "v", "ID": "one"}`), `the volume "v" is still mounted after 3.5s`)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		require.Zero(t, f.users("v"))
		f.slowUnmount = 0
	})
}
