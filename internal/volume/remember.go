package volume

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/sealed"
	"infisicalfs/internal/systemd"
	"infisicalfs/secret"
)

// A credential that came with a volume is with whoever keeps the volume's connection, too (Config.Keeper): the next
// process logs in with it at once, and readers wait for that, in the place of an error until the
// credential comes again. It is in sealed memory, and never on a disk. This file is what is kept, and what
// the next process finds.

// keptHanded is what a volume's credential is kept as, with the name of the volume behind it.
const keptHanded = "handed-"

// handedMagic begins such memory, and says in which form it is. When the credential ends follows, in seconds
// since 1970, in eight bytes, or zero; and then it itself.
const handedMagic = "ifshand1"

const (
	handedHead = len(handedMagic) + 8
	maxHanded  = 1 << 20 // far above any token
)

// remember has the keeper keep the credential that came with a volume, in the place of an earlier one.
func (m *Manager) remember(name string, c credential) {
	if !m.cfg.Keeper.Present() || c.value.Len() == 0 {
		return
	}
	fd, err := sealHanded(c)
	if err == nil {
		defer unix.Close(fd)
		err = m.cfg.Keeper.Replace(keptHanded+name, fd)
	}
	if err != nil {
		m.log.Warn("after a restart the volume has to wait for its credential", "volume", name, "error", err)
	}
}

// forgetHanded has the keeper let go of a volume's credential.
func (m *Manager) forgetHanded(name string) {
	if !m.cfg.Keeper.Present() {
		return
	}
	if err := m.cfg.Keeper.Forget(keptHanded + name); err != nil {
		m.log.Warn("what nobody needs any more stays kept", "volume", name, "error", err)
	}
}

func sealHanded(c credential) (fd int, err error) {
	if c.value.Len() > maxHanded-handedHead {
		return -1, errors.New("it is too long")
	}
	var until int64
	if !c.until.IsZero() {
		until = c.until.Unix()
	}
	return sealed.Make("infisicalfs-handed", handedHead+c.value.Len(), func(memory []byte) {
		copy(memory, handedMagic)
		binary.BigEndian.PutUint64(memory[len(handedMagic):], uint64(until))
		c.value.CopyAt(memory[handedHead:], 0)
	})
}

// openHanded reads what sealHanded wrote.
func openHanded(fd int) (c credential, err error) {
	err = sealed.Read(fd, maxHanded, func(memory []byte) error {
		if len(memory) <= handedHead || string(memory[:len(handedMagic)]) != handedMagic {
			return errors.New("it was written in another format")
		}
		if until := int64(binary.BigEndian.Uint64(memory[len(handedMagic):])); until != 0 {
			c.until = time.Unix(until, 0)
		}
		c.value, c.since = secret.ValueOf(memory[handedHead:]), time.Now()
		return nil
	})
	return c, err
}

// receiveHanded takes in the credentials that an earlier process has left, by the names of volumes, and closes all of
// left. What this version does not know is kept no longer.
func (m *Manager) receiveHanded(left []systemd.Descriptor) map[string]credential {
	found := map[string]credential{}
	for _, d := range left {
		name, ours := strings.CutPrefix(d.Name, keptHanded)
		c, err := openHanded(d.FD)
		unix.Close(d.FD)
		switch {
		case !ours:
			err = m.cfg.Keeper.Forget(d.Name)
		case err == nil:
			found[name] = c
		}
		if err != nil {
			m.log.Warn("something that was left is of no use", "name", d.Name, "error", err)
		}
	}
	return found
}
