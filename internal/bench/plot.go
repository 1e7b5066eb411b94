//go:build linux

package main

import (
	"fmt"
	"math"
	"strings"
)

const (
	plotLeft   = 190 // where bars begin
	plotWidth  = 470 // of the longest
	barHeight  = 16
	barGap     = 7
	plotMargin = 20
)

// plotStyle has colours of its own for each of a page's two backgrounds.
const plotStyle = `
  .paper { fill: #ffffff; stroke: #d0d7de }
  text { fill: #24292f; font: 13px sans-serif }
  .title { font-weight: bold }
  .note { fill: #57606a; font-size: 11px }
  .axis { stroke: #d0d7de; stroke-dasharray: 2 3 }
  .kernel { fill: #8c959f }
  .bare { fill: #6cb2eb }
  .ours { fill: #1f6feb }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117; stroke: #30363d }
    text { fill: #e6edf3 }
    .note { fill: #8d96a0 }
    .axis { stroke: #30363d }
    .kernel { fill: #6e7681 }
    .bare { fill: #2f5f94 }
    .ours { fill: #58a6ff }
  }`

// drawWarm draws, for reading and for looking, how much longer each subject
// takes than a tmpfs. Lengths are logarithms: twice as long is the same step everywhere.
func drawWarm(r *warmResult) string {
	shown := []string{"open+read+close", "stat", "read, 4 at a time"}
	longest := 2.0
	for _, m := range shown {
		for _, name := range subjectNames {
			longest = max(longest, ratioToTmpfs(r, m, name))
		}
	}
	length := func(ratio float64) float64 { // the shortest bar is still a bar
		return 12 + (plotWidth-12)*math.Log(max(1, ratio))/math.Log(longest)
	}

	var b strings.Builder
	y := plotMargin + 14
	for _, m := range shown {
		fmt.Fprintf(&b, "<text class=\"title\" x=\"%d\" y=\"%d\">%s of a file of %d bytes, against tmpfs</text>\n", plotMargin, y, m, fileBytes)
		y += 10
		top := y
		var bars strings.Builder
		for _, name := range subjectNames {
			ratio := ratioToTmpfs(r, m, name)
			fmt.Fprintf(&bars, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>", plotLeft-8, y+13, name)
			fmt.Fprintf(&bars, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>", kindOf(name), plotLeft, y, length(ratio), barHeight)
			fmt.Fprintf(&bars, "<text x=\"%.1f\" y=\"%d\">%s×</text>\n", plotLeft+length(ratio)+6, y+13, short(ratio))
			y += barHeight + barGap
		}
		for tick := 10.0; tick < longest; tick *= 10 {
			x := plotLeft + length(tick)
			fmt.Fprintf(&b, "<line class=\"axis\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>\n", x, top-2, x, y)
		}
		b.WriteString(bars.String())
		y += 24
	}
	fmt.Fprintf(&b, "<text class=\"note\" x=\"%d\" y=\"%d\">Medians, all measured side by side; logarithmic: a dotted line is ten times tmpfs. scripts/bench draws this.</text>\n", plotMargin, y-8)
	width, height := plotLeft+plotWidth+80, y+8
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"How much longer reading takes than on tmpfs\">\n<style>%s\n</style>\n<rect class=\"paper\" x=\"0.5\" y=\"0.5\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n%s</svg>\n",
		width, height, width, height, plotStyle, width-1, height-1, b.String())
}

func ratioToTmpfs(r *warmResult, measure, name string) float64 {
	return r.times[measure][name].over(r.times[measure][onTmpfs]).median()
}

// kindOf is the class that colours a bar.
func kindOf(name string) string {
	switch {
	case name == onTmpfs:
		return "kernel"
	case strings.HasPrefix(name, "bare"):
		return "bare"
	}
	return "ours"
}
