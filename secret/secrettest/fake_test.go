package secrettest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

var (
	dev      = secret.Dir{Project: "demo", Env: "dev", Path: "/"}
	payments = dev.Child("payments")
)

func TestFakeConforms(t *testing.T) {
	fake := secrettest.NewFake()
	fake.Set(payments, "KEY", "one")
	fake.Set(payments, "ANOTHER", "two")
	fake.Mkdir(payments.Child("eu"))
	secrettest.TestSource(t, fake, secrettest.Known{
		Dir: payments, Name: "KEY", Value: "one", Subfolder: "eu", Missing: dev.Child("missing"),
	})
}

func TestFakeNotModified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := secrettest.NewFake()
		fake.Set(payments, "KEY", "one")
		first, err := fake.Fetch(t.Context(), payments, nil)
		require.NoError(t, err)
		time.Sleep(time.Minute) // of the bubble's clock
		second, err := fake.Fetch(t.Context(), payments, first)
		require.NoError(t, err)
		require.Equal(t, first.Answered, second.Answered)
		require.Equal(t, first.Fetched.Add(time.Minute), second.Fetched)

		fake.Set(payments, "KEY", "new")
		third, err := fake.Fetch(t.Context(), payments, second)
		require.NoError(t, err)
		s, _ := third.Secret("KEY")
		require.Equal(t, 2, s.Version)
		require.Equal(t, time.Now(), third.Answered)
		require.Equal(t, secrettest.Calls{Fetch: 3, Conditional: 2}, fake.Calls())
	})
}

func TestFakeTree(t *testing.T) {
	fake := secrettest.NewFake()
	fake.Set(payments, "KEY", "one")
	fake.Mkdir(payments.Child("eu"))
	count := func(dir secret.Dir) int {
		folders, err := fake.Tree(t.Context(), dir, nil)
		require.NoError(t, err)
		for _, f := range folders {
			require.True(t, f.Partial)
			require.True(t, dir.Contains(f.Dir))
		}
		return len(folders)
	}
	require.Equal(t, 2, count(secret.Dir{}), "projects and environments")
	require.Equal(t, 3, count(dev))
	require.Equal(t, 2, count(payments))
	fake.Fail(payments.Child("eu"), secret.ErrDenied)
	require.Equal(t, 1, count(payments))
	fake.Remove(dev, "payments")
	require.Equal(t, 1, count(dev))

	fake.Inexact(true)
	_, err := fake.Tree(t.Context(), dev, nil)
	require.ErrorIs(t, err, secret.ErrInexact)
	require.Equal(t, 6, fake.Calls().Tree)
}

func TestFakeSubfoldersLater(t *testing.T) {
	fake := secrettest.NewFake()
	fake.Set(payments, "KEY", "one")
	fake.NoSubfolders(true)
	folders, err := fake.Tree(t.Context(), dev, nil)
	require.NoError(t, err)
	for _, f := range folders {
		require.True(t, f.NoSubfolders)
		full, err := fake.Fetch(t.Context(), f.Dir, f)
		require.NoError(t, err)
		require.False(t, full.NoSubfolders)
		require.True(t, full.Partial, "its secrets were not asked for")
	}
}

func TestFakeFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := secrettest.NewFake()
		fake.Set(payments, "KEY", "one")
		ask := func() error {
			_, err := fake.Folder(t.Context(), payments, secret.NeedEntry)
			return err
		}
		fake.Fail(payments, secret.ErrDenied)
		require.ErrorIs(t, ask(), secret.ErrDenied)
		fake.FailAll(secret.ErrUnavailable)
		require.ErrorIs(t, ask(), secret.ErrUnavailable)
		fake.FailAll(nil)
		fake.Fail(payments, nil)
		require.NoError(t, ask())

		fake.Delay(time.Second)
		began := time.Now()
		require.NoError(t, ask())
		require.Equal(t, time.Second, time.Since(began))
		fake.Delay(0)

		fake.Hang(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := fake.Folder(ctx, payments, secret.NeedEntry)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.AfterFunc(time.Second, func() { fake.Hang(false) })
		require.NoError(t, ask())
	})
}
