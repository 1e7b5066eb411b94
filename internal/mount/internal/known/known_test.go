package known

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
)

// filled sets everything that v has to something.
func filled(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	switch at := v.Addr().Interface().(type) {
	case *secret.Value:
		*at = secret.NewValue(fmt.Sprintf("value %d\x00\xff", *n))
		return
	case *time.Time:
		*at = time.Now().Add(-time.Duration(*n) * time.Second)
		return
	case *error:
		*at = fmt.Errorf("no right %d: %w", *n, secret.ErrDenied)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			filled(t, v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		filled(t, v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			filled(t, v.Index(i), n)
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d\x00é\xff", *n))
	case reflect.Int:
		v.SetInt(int64(*n) << 20)
	case reflect.Bool:
		v.SetBool(true)
	default:
		t.Fatalf("nobody has thought of %s", v.Type())
	}
}

// everything has each field of what is known set.
func everything(t *testing.T) cache.Known {
	var k cache.Known
	n := 0
	filled(t, reflect.ValueOf(&k).Elem(), &n)
	k.Folder.Stale = false     // is how it is shown, and not known
	k.Folder.NoSecrets = false // what has not been asked for is not handed on
	return k
}

func toMemory(list []cache.Known, clock time.Duration) []byte {
	var count encoder
	count.document(clock, list)
	e := encoder{to: make([]byte, count.size), at: time.Now()}
	e.document(clock, list)
	return e.to
}

func read(memory []byte, clock time.Duration) ([]cache.Known, error) {
	d := decoder{from: memory, at: time.Now()}
	return d.document(clock)
}

// same wants two to be the same but for how long it takes to write and read them.
func same(t *testing.T, want, got cache.Known) {
	t.Helper()
	wanted, have := shown(want), shown(got)
	require.Equal(t, wanted, have)
}

// shown is all that is in k.
func shown(k cache.Known) string {
	var b strings.Builder
	var show func(v reflect.Value)
	show = func(v reflect.Value) {
		switch at := v.Interface().(type) {
		case secret.Value:
			fmt.Fprintf(&b, "%q ", at.Reveal())
			return
		case time.Time:
			fmt.Fprintf(&b, "%s ", at.UTC().Round(time.Second)) // a test of ages is beside
			return
		case error:
			fmt.Fprintf(&b, "%q ", at.Error())
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				fmt.Fprintf(&b, "%s: ", v.Type().Field(i).Name)
				show(v.Field(i))
			}
		case reflect.Pointer, reflect.Interface:
			if v.IsNil() {
				b.WriteString("nil ")
			} else {
				show(v.Elem())
			}
		case reflect.Slice:
			fmt.Fprintf(&b, "%d of ", v.Len())
			for i := range v.Len() {
				show(v.Index(i))
			}
		default:
			fmt.Fprintf(&b, "%#v ", v.Interface())
		}
	}
	show(reflect.ValueOf(k))
	return b.String()
}

func TestAllOfItIsRead(t *testing.T) {
	for name, list := range map[string][]cache.Known{
		"nothing":    {},
		"empty":      {{Folder: &secret.Folder{}}},
		"everything": {everything(t), {Folder: &secret.Folder{Dir: secret.Dir{Project: "demo"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(toMemory(list, 0), 0)
			require.NoError(t, err)
			require.Len(t, got, len(list))
			for i := range list {
				same(t, list[i], got[i])
			}
		})
	}
	got, err := read(toMemory([]cache.Known{everything(t)}, 0), 0)
	require.NoError(t, err)
	require.ErrorIs(t, got[0].Folder.Denied, secret.ErrDenied)
}

// What was three seconds old is so much older as the machine's clock has gone on, whatever
// the clock on the wall says.
func TestAgesGoOn(t *testing.T) {
	now := time.Now()
	k := cache.Known{Used: now.Add(-time.Second), Folder: &secret.Folder{Fetched: now.Add(-3 * time.Second), Answered: now.Add(-time.Hour)}}
	memory := make([]byte, 200)
	e := encoder{to: memory, at: now}
	e.document(time.Minute, []cache.Known{k})
	later := now.Add(time.Minute)
	d := decoder{from: memory[:e.size], at: later}
	list, err := d.document(time.Minute + 2*time.Second)
	require.NoError(t, err)
	require.Equal(t, 3*time.Second, later.Sub(list[0].Used))
	require.Equal(t, 5*time.Second, later.Sub(list[0].Folder.Fetched))
	require.Equal(t, time.Hour+2*time.Second, later.Sub(list[0].Folder.Answered))
	require.True(t, list[0].Asked.IsZero())

	// What the process will only do is not younger than now.
	k.Used = now.Add(time.Hour)
	list, err = read(toMemory([]cache.Known{k}, 0), 0)
	require.NoError(t, err)
	require.False(t, list[0].Used.After(time.Now()))

	_, err = read(toMemory([]cache.Known{k}, time.Minute), time.Second)
	require.ErrorContains(t, err, "another clock")
}

func TestAnotherFormatIsNotRead(t *testing.T) {
	memory := toMemory([]cache.Known{everything(t)}, 0)
	memory[len(magic)]++
	_, err := read(memory, 0)
	require.ErrorIs(t, err, ErrFormat)
}

// What is not what was written is never half of it, and no reason to panic.
func TestDamage(t *testing.T) {
	memory := toMemory([]cache.Known{everything(t), everything(t)}, 0)
	for n := range memory {
		_, err := read(memory[:n], 0)
		require.Error(t, err, n)
	}
	_, err := read(append(bytes.Clone(memory), 0), 0)
	require.Error(t, err)
	for n := range memory { // another value may be as good
		for _, b := range []byte{0, 0x7f, 0x80, 0xff} {
			other := bytes.Clone(memory)
			other[n] = b
			_, _ = read(other, 0)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(toMemory([]cache.Known{{Folder: &secret.Folder{Secrets: []secret.Secret{{Name: "KEY", Value: secret.NewValue("x")}}}}}, 0))
	f.Fuzz(func(t *testing.T, memory []byte) {
		list, err := read(memory, time.Hour)
		if err != nil {
			require.Empty(t, list)
		}
	})
}

// What does not fit is left out: first what all else is below, then what was proven last.
func TestWhatFits(t *testing.T) {
	now := time.Now()
	known := func(dir secret.Dir, age time.Duration, size int) cache.Known {
		return cache.Known{Folder: &secret.Folder{
			Dir: dir, Fetched: now.Add(-age),
			Secrets: []secret.Secret{{Name: "KEY", Value: secret.NewValue(strings.Repeat("x", size))}},
		}}
	}
	demo := secret.Dir{Project: "demo"}
	dev := demo.Child("dev")
	list := []cache.Known{
		known(dev.Child("old"), time.Minute, 1000), known(dev, time.Second, 1000), known(dev.Child("young"), 0, 1000), known(demo, time.Hour, 10),
	}
	dirs := func(limit int) (dirs []secret.Dir) {
		for _, k := range fitting(list, limit) {
			dirs = append(dirs, k.Folder.Dir)
		}
		return dirs
	}
	require.Equal(t, []secret.Dir{demo, dev.Child("young"), dev, dev.Child("old")}, dirs(MaxBytes))
	require.Equal(t, []secret.Dir{demo, dev.Child("young"), dev}, dirs(3000))
	require.Equal(t, []secret.Dir{demo}, dirs(500))
	require.Empty(t, dirs(0))
	for _, limit := range []int{500, 3000} {
		var e encoder
		e.document(0, fitting(list, limit))
		require.LessOrEqual(t, e.size, limit)
	}
}
