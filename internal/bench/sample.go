//go:build linux

package main

import "slices"

// sample is a set of measured numbers.
type sample []float64

// median is the number in the middle; 0 of nothing.
func (s sample) median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// spread is the least and the most; 0 of nothing.
func (s sample) spread() (least, most float64) {
	if len(s) == 0 {
		return 0, 0
	}
	return slices.Min(s), slices.Max(s)
}

// quartiles are the numbers that the middle half lies between; 0 of nothing.
func (s sample) quartiles() (low, high float64) {
	if len(s) == 0 {
		return 0, 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[len(sorted)/4], sorted[(len(sorted)*3)/4]
}

// over divides pairwise: both were measured side by side, in the same slices.
func (s sample) over(other sample) sample {
	out := make(sample, min(len(s), len(other)))
	for i := range out {
		out[i] = s[i] / other[i]
	}
	return out
}
