//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"infisicalfs/internal/devserver"
)

// The subjects of compare.
const (
	onThis  = "this build"
	onOther = "the other build"
)

// alike is how much slower, as a part of the whole, a build may be.
const alike = 0.03

// compare mounts two builds of infisicalfs at the same time, times them in slices
// that take turns, and prints the ratios. What is mounted first has a handicap of
// some per cent, so everything is mounted anew for each round, in both orders.
func compare(ctx context.Context, program, against string, rounds int) error {
	if program == "" || against == "" {
		return errors.New("say what to compare: --program=infisicalfs --against=another")
	}
	s, err := newSite(devserver.Config{Seed: benchSeed()})
	if err != nil {
		return err
	}
	defer s.close()
	orders := [][]string{{onThis, onOther}, {onOther, onThis}}
	results := make([]*warmResult, len(orders))
	for range rounds {
		for i, names := range orders {
			r, err := compareOnce(ctx, s, names, map[string][]string{
				onThis:  mountCommand(program),
				onOther: mountCommand(against),
			})
			if err != nil {
				return err
			}
			results[i] = r.after(results[i])
		}
	}
	printCompared(os.Stdout, results, rounds)
	return nil
}

// compareOnce mounts in the order of names, times one round and unmounts.
func compareOnce(ctx context.Context, s *site, names []string, commands map[string][]string) (*warmResult, error) {
	work, err := workDirectory()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	subjects, stop, err := startCommands(work, s, names, commands)
	defer stop()
	if err != nil {
		return nil, err
	}
	return warm(ctx, subjects, 1)
}

// after returns the times of earlier, which may be nil, followed by those of r.
func (r *warmResult) after(earlier *warmResult) *warmResult {
	if earlier == nil {
		return r
	}
	for measure, times := range r.times {
		for name, more := range times {
			earlier.times[measure][name] = append(earlier.times[measure][name], more...)
		}
	}
	return earlier
}

// printCompared prints a row for each measure. The ratio is the geometric mean of
// the medians in both orders, in which the handicap of the order is gone.
func printCompared(w io.Writer, results []*warmResult, rounds int) {
	rows := [][]string{{"what", "this, µs", "other, µs", "this mounted first", "other first", "this / other", "wanted: at most 3 % slower"}}
	for _, m := range warmMeasures {
		var this, other sample
		var medians []float64
		for _, r := range results {
			a, b := r.times[m.name][onThis], r.times[m.name][onOther]
			this, other = append(this, a...), append(other, b...)
			medians = append(medians, a.over(b).median())
		}
		mean := math.Sqrt(medians[0] * medians[1])
		rows = append(rows, []string{m.name, short(this.median()), short(other.median()),
			fmt.Sprintf("%.3f", medians[0]), fmt.Sprintf("%.3f", medians[1]),
			fmt.Sprintf("%.3f", mean), string(verdictOf(mean <= 1+alike))})
	}
	fmt.Fprintf(w, "%s\nRatios are medians of the ratios of slices that were measured side by side, in %d rounds of both orders.\n", columns(rows), rounds)
}
