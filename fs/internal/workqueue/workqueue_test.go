package workqueue

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// work takes an hour for the key "slow", a second for any other.
func work(done chan<- string) func(string, string) {
	return func(key, what string) {
		pause := time.Second
		if key == "slow" {
			pause = time.Hour
		}
		time.Sleep(pause)
		done <- key + " " + what
	}
}

func TestWorkIsDoneInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan string, 10)
		q := New(work(done))
		require.Nil(t, q.Idle())
		for _, what := range []string{"1", "2", "3"} {
			q.Add("slow", what)
			q.Add("a", what)
		}
		begun := time.Now()
		for _, want := range []string{"a 1", "a 2", "a 3"} {
			require.Equal(t, want, <-done)
		}
		require.Equal(t, 3*time.Second, time.Since(begun), "nobody is held up by others")
		<-q.Idle()
		require.Equal(t, 3*time.Hour, time.Since(begun))
		for _, want := range []string{"slow 1", "slow 2", "slow 3"} {
			require.Equal(t, want, <-done)
		}
		require.Nil(t, q.Idle())
		q.Add("a", "again")
		<-q.Idle()
		require.Equal(t, "a again", <-done)
	})
}

func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(work(make(chan string, 10)))
		begun := time.Now()
		q.Wait(time.Minute)
		require.Zero(t, time.Since(begun), "there is nothing to wait for")
		q.Add("slow", "1")
		q.Wait(time.Minute)
		require.Equal(t, time.Minute, time.Since(begun))
		q.Wait(2 * time.Hour)
		require.Equal(t, time.Hour, time.Since(begun))
	})
}
