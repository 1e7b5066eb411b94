package metadata

import (
	"os"
	"path/filepath"
	"strings"
)

// Cloud is a cloud that has a metadata service of use here. Its text is its name.
type Cloud string

const (
	AWS   Cloud = "AWS"
	GCP   Cloud = "Google Cloud"
	Azure Cloud = "Azure"
)

// azureTag is what Azure's machines have as their chassis' asset tag. The vendor is no
// sign: Hyper-V at home has the same.
const azureTag = "7783-7084-3265-9085-8269-3286-77"

// Hint is a sign that the machine is in a cloud.
type Hint struct {
	Cloud Cloud
	From  string // a variable's name, or what the firmware says
}

// Hints returns what speaks for a cloud, one hint each at most. Nobody is asked.
func (c *Client) Hints() []Hint {
	var list []Hint
	for _, cloud := range []Cloud{AWS, GCP, Azure} {
		if from := c.hint(cloud); from != "" {
			list = append(list, Hint{cloud, from})
		}
	}
	return list
}

func (c *Client) hint(cloud Cloud) string {
	if cloud == AWS && c.isSet("AWS_EC2_METADATA_DISABLED", "true") {
		return ""
	}
	for _, name := range hintVariables[cloud] {
		if c.variable(name) != "" {
			return name
		}
	}
	switch cloud {
	case AWS:
		return c.firmwareOfAWS()
	case GCP:
		if name := c.firmware("product_name"); strings.HasPrefix(name, "Google") {
			return "the firmware's product name " + name
		}
		if c.firmware("sys_vendor") == "Google" {
			return "the firmware's vendor Google"
		}
	case Azure:
		if c.firmware("chassis_asset_tag") == azureTag {
			return "the firmware's asset tag"
		}
	}
	return ""
}

// hintVariables say where the service is, or are set by services of the cloud in
// which containers see no firmware.
var hintVariables = map[Cloud][]string{
	AWS:   {"AWS_EC2_METADATA_SERVICE_ENDPOINT"},
	GCP:   {"GCE_METADATA_HOST", "K_SERVICE", "CLOUD_RUN_JOB"},
	Azure: {"AZURE_POD_IDENTITY_AUTHORITY_HOST"},
}

// firmwareOfAWS knows two generations of machines: the vendor of newer ones, and
// the version of Xen's BIOS in older ones (4.11.amazon).
func (c *Client) firmwareOfAWS() string {
	if vendor := c.firmware("sys_vendor"); vendor == "Amazon EC2" {
		return "the firmware's vendor " + vendor
	}
	if version := c.firmware("bios_version"); strings.HasSuffix(version, "amazon") {
		return "the firmware's version " + version
	}
	return ""
}

// firmware returns one value of the machine's DMI table, empty where there is none.
func (c *Client) firmware(name string) string {
	text, err := os.ReadFile(filepath.Join(c.cfg.DMI, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func (c *Client) variable(name string) string {
	text, _ := c.cfg.Lookup(name)
	return strings.TrimSpace(text)
}

func (c *Client) isSet(name, to string) bool { return strings.EqualFold(c.variable(name), to) }
