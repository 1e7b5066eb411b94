package caller

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestArgumentsOfShred(t *testing.T) {
	for line, want := range map[string]bool{
		"shred -u KEY": true, "/usr/bin/shred -u KEY": true, "shred KEY -u": true, "shred -zu KEY": true, "shred -n5u KEY": false,
		"shred -un5 KEY": true, "shred -n 5 -u KEY": true, "shred --remove KEY": true, "shred --remove=wipe KEY": true, "shred --rem KEY": true,
		"shred KEY": false, "shred -z KEY": false, "shred -- -u": false, "shred -n -u KEY": false, "shred -s 10 KEY": false, "shred --iterations=3 KEY": false,
		"cat -u KEY": false, "": false,
	} {
		require.Equal(t, want, shredRemoves(strings.Split(line, " ")), line)
	}
}
