//go:build linux

package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// printWarm prints a table for each measure.
func printWarm(w io.Writer, r *warmResult, rounds int) {
	for _, m := range warmMeasures {
		rows := [][]string{{m.name, "µs", "middle half", "× tmpfs", "× bare", "messages"}}
		for _, name := range subjectNames {
			times := r.times[m.name][name]
			low, high := times.quartiles()
			row := []string{name, short(times.median()), short(low) + "–" + short(high),
				short(times.over(r.times[m.name][onTmpfs]).median()), "", ""}
			if bare, ok := bareOf[name]; ok {
				row[4] = fmt.Sprintf("%.2f", times.over(r.times[m.name][bare]).median())
			}
			if n := r.messages[m.name][name]; n >= 0 {
				row[5] = fmt.Sprintf("%.2f", n)
			}
			rows = append(rows, row)
		}
		fmt.Fprintf(w, "\n%s", columns(rows))
	}
	fmt.Fprintf(w, "\nTimes are for one operation: the median of all slices of %d rounds, and what half of them lie between.\nRatios are medians of the ratios of slices that were measured side by side. Messages are the kernel's,\nthose that nobody waits for among them.\n", rounds)
}

// printTargets prints what is wanted beside what is.
func printTargets(w io.Writer, list []target) {
	rows := [][]string{{"what", "measured", "wanted", ""}}
	for _, t := range list {
		rows = append(rows, []string{t.what, t.measured, t.wanted, string(t.met)})
	}
	fmt.Fprintf(w, "\n%s", columns(rows))
}

// columns aligns the columns of rows.
func columns(rows [][]string) string {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// short writes a number with about three digits.
func short(f float64) string {
	switch {
	case f >= 100:
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	default:
		return fmt.Sprintf("%.2f", f)
	}
}
