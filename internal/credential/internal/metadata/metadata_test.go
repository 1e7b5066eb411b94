package metadata_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/cloudtest"
	"infisicalfs/internal/credential/internal/metadata"
	"infisicalfs/internal/credential/internal/roundtrip"
)

const number = "169.254.169.254"

func variables(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

// firmware makes a directory like /sys/class/dmi/id.
func firmware(t *testing.T, pairs ...string) string {
	dir := t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, pairs[i]), []byte(pairs[i+1]+"\n"), 0o444))
	}
	return dir
}

func TestHints(t *testing.T) {
	for _, test := range []struct {
		name      string
		firmware  []string
		variables []string
		want      []metadata.Hint
	}{
		{name: "a machine at home", firmware: []string{"sys_vendor", "LENOVO", "product_name", "20XX", "bios_version", "N32ET75W"}},
		{name: "Hyper-V at home", firmware: []string{"sys_vendor", "Microsoft Corporation", "product_name", "Virtual Machine", "chassis_asset_tag", "0000"}},
		{name: "no firmware to see"},
		{name: "settings of AWS's tools", variables: []string{"AWS_REGION", "eu-central-1", "AWS_PROFILE", "work"}},
		{name: "AWS", firmware: []string{"sys_vendor", "Amazon EC2"}, want: []metadata.Hint{{Cloud: metadata.AWS, From: "the firmware's vendor Amazon EC2"}}},
		{name: "AWS, an old machine", firmware: []string{"sys_vendor", "Xen", "bios_version", "4.11.amazon"}, want: []metadata.Hint{{Cloud: metadata.AWS, From: "the firmware's version 4.11.amazon"}}},
		{name: "AWS, but not to be asked", firmware: []string{"sys_vendor", "Amazon EC2"}, variables: []string{"AWS_EC2_METADATA_DISABLED", "TRUE"}},
		{name: "Google", firmware: []string{"sys_vendor", "Google", "product_name", "Google Compute Engine"}, want: []metadata.Hint{{Cloud: metadata.GCP, From: "the firmware's product name Google Compute Engine"}}},
		{name: "Azure", firmware: []string{"sys_vendor", "Microsoft Corporation", "chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77"}, want: []metadata.Hint{{Cloud: metadata.Azure, From: "the firmware's asset tag"}}},
		{name: "variables", variables: []string{"GCE_METADATA_HOST", "127.0.0.1:1", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:2", "AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:3"},
			want: []metadata.Hint{{Cloud: metadata.AWS, From: "AWS_EC2_METADATA_SERVICE_ENDPOINT"}, {Cloud: metadata.GCP, From: "GCE_METADATA_HOST"}, {Cloud: metadata.Azure, From: "AZURE_POD_IDENTITY_AUTHORITY_HOST"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			world := &cloudtest.World{}
			c := metadata.New(metadata.Config{Lookup: variables(test.variables...), DMI: firmware(t, test.firmware...), Transport: world})
			require.Equal(t, test.want, c.Hints())
			require.Empty(t, world.Requests(), "hints ask nobody")
		})
	}
}

var clouds = []metadata.Cloud{metadata.AWS, metadata.GCP, metadata.Azure}

// everywhere is firmware that speaks for all clouds at once.
var everywhere = []string{"sys_vendor", "Google", "bios_version", "4.11.amazon", "chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77"}

// here asks for all clouds side by side.
func here(c *metadata.Client) (list []metadata.Cloud) {
	found := make([]string, len(clouds))
	var all sync.WaitGroup
	for i, cloud := range clouds {
		all.Go(func() { found[i] = c.Here(context.Background(), cloud) })
	}
	all.Wait()
	for i, cloud := range clouds {
		if found[i] != "" {
			list = append(list, cloud)
		}
	}
	return list
}

// All clouds together take one second to say that they are not there, and each is
// asked once.
func TestHereIsNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := &cloudtest.World{Silent: map[string]bool{number: true}}
		c := metadata.New(metadata.Config{Lookup: variables(), DMI: firmware(t, everywhere...), Transport: world})
		begun := time.Now()
		require.Empty(t, here(c))
		require.Equal(t, time.Second, time.Since(begun))
		require.Len(t, world.Requests(), 3)
	})
}

// Without a hint nobody is asked, although somebody would answer.
func TestHereWithoutAHint(t *testing.T) {
	world := &cloudtest.World{AWS: &cloudtest.AWS{}}
	c := metadata.New(metadata.Config{Lookup: variables(), DMI: firmware(t), Transport: world})
	require.Empty(t, here(c))
	require.Empty(t, world.Requests())
}

func TestHere(t *testing.T) {
	token := func(string) string { return "jwt" }
	for _, test := range []struct {
		name  string
		world *cloudtest.World
		want  []metadata.Cloud
		again int // requests when it is asked once more
	}{
		{"refused", &cloudtest.World{}, nil, 3},
		{"a hotel's network", &cloudtest.World{Portal: true}, nil, 3},
		{"AWS", &cloudtest.World{AWS: &cloudtest.AWS{}, Portal: true}, clouds[:1], 2},
		{"AWS with tokens only", &cloudtest.World{AWS: &cloudtest.AWS{TokensOn: true}}, clouds[:1], 3},
		{"Google", &cloudtest.World{GCP: &cloudtest.GCP{Identity: token}, Portal: true}, clouds[1:2], 2},
		{"Azure", &cloudtest.World{Azure: &cloudtest.Azure{Token: func(_, _ string) string { return "jwt" }}, Portal: true}, clouds[2:], 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := metadata.New(metadata.Config{Lookup: variables(), DMI: firmware(t, everywhere...), Transport: test.world})
			require.Equal(t, test.want, here(c))
			require.Len(t, test.world.Requests(), 3)
			require.Equal(t, test.want, here(c))
			require.Len(t, test.world.Requests(), 3+test.again)
		})
	}
}

// failing fails requests with a status, the first n of them.
type failing struct {
	world  *cloudtest.World
	left   int
	status int
}

func (f *failing) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := f.world.RoundTrip(r)
	if f.left > 0 && err == nil {
		f.left--
		response.StatusCode = f.status
	}
	return response, err
}

// A service that has answered once is asked again when it says that it cannot now; one
// that has not is not.
func TestRetriesOnlyWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{world: &cloudtest.World{AWS: &cloudtest.AWS{Region: "eu-central-1"}}, left: 1, status: 503}
		c := metadata.New(metadata.Config{Lookup: variables(), Transport: f})
		_, err := c.AWSSession(context.Background())
		require.ErrorContains(t, err, "status 503")
		require.Len(t, f.world.Requests(), 1)

		session, err := c.AWSSession(context.Background())
		require.NoError(t, err)
		f.left, f.status = 2, 429
		answer, err := session.Get(context.Background(), "/meta-data/placement/region")
		require.NoError(t, err)
		require.Equal(t, "eu-central-1", string(answer.Body))
		require.Len(t, f.world.Requests(), 5)
	})
}

func TestAWSSession(t *testing.T) {
	for _, test := range []struct {
		name      string
		aws       *cloudtest.AWS
		variables []string
		takes     time.Duration
		fails     string
		portal    bool
	}{
		{name: "tokens", aws: &cloudtest.AWS{TokensOn: true}},
		{name: "first version", aws: &cloudtest.AWS{TokensOff: true}},
		{name: "first version is forbidden", aws: &cloudtest.AWS{TokensOff: true}, variables: []string{"AWS_EC2_METADATA_V1_DISABLED", "true"}, fails: "AWS_EC2_METADATA_V1_DISABLED"},
		{name: "in a container", aws: &cloudtest.AWS{TokensGo: true}, takes: time.Second},
		{name: "in a container, first version is forbidden", aws: &cloudtest.AWS{TokensGo: true}, variables: []string{"AWS_EC2_METADATA_V1_DISABLED", "true"}, takes: time.Second, fails: "no answer in time"},
		{name: "not to be asked", aws: &cloudtest.AWS{}, variables: []string{"AWS_EC2_METADATA_DISABLED", "true"}, fails: "AWS_EC2_METADATA_DISABLED"},
		{name: "nothing there", fails: "connection refused"},
		{name: "a hotel's network", fails: "something else answers", portal: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := &cloudtest.World{AWS: test.aws, Portal: test.portal}
				if test.aws != nil {
					test.aws.Region = "eu-central-1"
				}
				c := metadata.New(metadata.Config{Lookup: variables(test.variables...), Transport: world})
				begun := time.Now()
				session, err := c.AWSSession(context.Background())
				require.Equal(t, test.takes, time.Since(begun))
				if test.fails != "" {
					require.ErrorIs(t, err, metadata.ErrAbsent)
					require.ErrorContains(t, err, test.fails)
					return
				}
				require.NoError(t, err)
				answer, err := session.Get(context.Background(), "/meta-data/placement/region")
				require.NoError(t, err)
				require.Equal(t, "eu-central-1", string(answer.Body))
			})
		})
	}
}

// No proxy of the environment is asked for a metadata service.
func TestNoProxy(t *testing.T) {
	require.Nil(t, roundtrip.Direct().Proxy)
}

func TestAddresses(t *testing.T) {
	c := metadata.New(metadata.Config{Lookup: variables("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6", "GCE_METADATA_HOST", "127.0.0.1:80")})
	require.Equal(t, "http://[fd00:ec2::254]", c.Address(metadata.AWS))
	require.Equal(t, "http://127.0.0.1:80", c.Address(metadata.GCP))
	require.Equal(t, "http://"+number, c.Address(metadata.Azure))
}

// What a wrong address says is in no error: it may have a password.
func TestErrorsShowNoAddress(t *testing.T) {
	c := metadata.New(metadata.Config{Lookup: variables("GCE_METADATA_HOST", "user:hunter2@[::1")})
	_, err := c.Ask(context.Background(), metadata.GCP, http.MethodGet, "/", nil)
	require.ErrorIs(t, err, metadata.ErrAbsent)
	require.False(t, strings.Contains(err.Error(), "hunter2"), err)
}
