package run

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReport(t *testing.T) {
	for _, r := range []Report{
		{1, "/mnt", []string{}},
		{65536, "/a\nb\xff", []string{"A=", "B=x\ny\xfe=<&>", "C="}},
	} {
		got, err := parseReport(r.text())
		require.NoError(t, err)
		require.Equal(t, r, got)
	}
	for _, text := range []string{"", "1", "1\x00", "x\x00/mnt\x00"} {
		_, err := parseReport(text)
		require.Error(t, err, "%q", text)
	}
}
