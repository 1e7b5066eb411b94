//go:build linux

package known

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/cache"
	"infisicalfs/internal/sealed"
	"infisicalfs/secret"
)

// thousand is a folder with so many secrets of some 40 bytes.
func thousand() []cache.Known {
	f := &secret.Folder{Dir: secret.Dir{Project: "demo", Env: "dev", Path: "/"}, Fetched: time.Now(), Answered: time.Now()}
	for i := range 1000 {
		f.Secrets = append(f.Secrets, secret.Secret{
			Name: fmt.Sprintf("SECRET_%04d", i), ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), Version: 1,
			Value:   secret.NewValue(fmt.Sprintf("value %034d", i)),
			Created: time.Now(), Updated: time.Now(),
		})
	}
	return []cache.Known{{Folder: f, Used: time.Now()}}
}

// Nobody can change what is handed on.
func TestSealed(t *testing.T) {
	fd, err := Seal([]cache.Known{everything(t)}, MaxBytes)
	require.NoError(t, err)
	defer unix.Close(fd)
	_, err = unix.Pwrite(fd, []byte("x"), 0)
	require.ErrorIs(t, err, unix.EPERM)
	require.ErrorIs(t, unix.Ftruncate(fd, 0), unix.EPERM)
	require.ErrorIs(t, unix.Ftruncate(fd, 1<<20), unix.EPERM)
	_, err = unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	require.ErrorIs(t, err, unix.EPERM)
	_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_FUTURE_WRITE)
	require.ErrorIs(t, err, unix.EPERM)
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	require.NoError(t, err)
	require.Equal(t, unix.FD_CLOEXEC, flags)

	list, err := Open(fd)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.WithinDuration(t, everything(t).Folder.Fetched, list[0].Folder.Fetched, time.Second)
}

// What somebody could still change, or is no memory of ours, is not read.
func TestWhatIsNotSealedIsNotRead(t *testing.T) {
	memory := toMemory([]cache.Known{everything(t)}, 0)
	for _, seals := range []int{0, unix.F_SEAL_WRITE, unix.F_SEAL_WRITE | unix.F_SEAL_GROW | unix.F_SEAL_SEAL} {
		fd, err := unix.MemfdCreate("test", unix.MFD_ALLOW_SEALING)
		require.NoError(t, err)
		_, err = unix.Write(fd, memory)
		require.NoError(t, err)
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
		require.NoError(t, err)
		_, err = Open(fd)
		require.ErrorContains(t, err, "not sealed")
		unix.Close(fd)
	}
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	_, err = Open(fd)
	require.Error(t, err)
	fd, err = sealed.Make("test", 4096, func(b []byte) { copy(b, bytes.Repeat([]byte("x"), len(b))) })
	require.NoError(t, err)
	defer unix.Close(fd)
	_, err = Open(fd)
	require.ErrorIs(t, err, errDamaged)
}

func BenchmarkSeal(b *testing.B) {
	list := thousand()
	b.ReportAllocs()
	for b.Loop() {
		fd, err := Seal(list, MaxBytes)
		if err != nil {
			b.Fatal(err)
		}
		var stat unix.Stat_t
		_ = unix.Fstat(fd, &stat)
		b.ReportMetric(float64(stat.Size), "bytes")
		unix.Close(fd)
	}
}

func BenchmarkOpen(b *testing.B) {
	fd, err := Seal(thousand(), MaxBytes)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(fd)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(fd); err != nil {
			b.Fatal(err)
		}
	}
}
