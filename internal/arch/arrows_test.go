package arch

import (
	"fmt"
	"go/ast"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An arrow goes from a file to another of the same package that declares a name
// which the first uses: a type, a function, a method, a field. A package reads
// well from top to bottom if its files can be put in an order in which arrows go
// down. An arrow that goes up closes a circle: to understand either file one
// has to know the other.
//
// No order is written down. It is looked for: the one with the fewest arrows up
// that greedy choice and then moving single files finds. So the number
// is a property of the code, and at most a little more than the true minimum.

// arrows returns which files each file uses, by index, and which name shows it.
func (r *room) arrows() []map[int]string {
	index := map[string]int{}
	for i, name := range r.names {
		index[name] = i
	}
	uses := make([]map[int]string, len(r.files))
	for i, file := range r.files {
		uses[i] = map[int]string{}
		ast.Inspect(file, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			object := r.info.Uses[id]
			if object == nil || object.Pkg() != r.types {
				return true
			}
			if function, ok := object.(*types.Func); ok {
				object = function.Origin()
			}
			target, known := index[filepath.Base(r.fset.Position(object.Pos()).Filename)]
			if known && target != i && (uses[i][target] == "" || object.Name() < uses[i][target]) {
				uses[i][target] = object.Name()
			}
			return true
		})
	}
	return uses
}

// ordered returns an order of the files, users first, with few arrows up.
func ordered(uses []map[int]string) []int {
	var order []int
	for left := len(uses); left > 0; left-- { // whom the fewest of the others use, for what it uses of them
		best, bestScore := -1, 0
		for i := range uses {
			if slices.Contains(order, i) {
				continue
			}
			score := 0
			for j := range uses {
				if j == i || slices.Contains(order, j) {
					continue
				}
				if uses[i][j] != "" {
					score++
				}
				if uses[j][i] != "" {
					score--
				}
			}
			if best < 0 || score > bestScore {
				best, bestScore = i, score
			}
		}
		order = append(order, best)
	}
	for improved := true; improved; {
		improved = false
		for from := range order {
			best, saved, gain := from, 0, 0
			for to := from - 1; to >= 0; to-- { // moving order[from] above order[to]
				gain += turned(uses, order[to], order[from])
				if gain > saved {
					best, saved = to, gain
				}
			}
			gain = 0
			for to := from + 1; to < len(order); to++ {
				gain += turned(uses, order[from], order[to])
				if gain > saved {
					best, saved = to, gain
				}
			}
			if saved > 0 {
				file := order[from]
				order = slices.Insert(slices.Delete(order, from, from+1), best, file)
				improved = true
			}
		}
	}
	return order
}

// turned is how many arrows up are saved if upper and lower, in this order, change
// places.
func turned(uses []map[int]string, upper, lower int) (saved int) {
	if uses[lower][upper] != "" {
		saved++
	}
	if uses[upper][lower] != "" {
		saved--
	}
	return saved
}

// up lists the arrows that run up in the order that is found.
func (r *room) up() (list []string) {
	uses := r.arrows()
	order := ordered(uses)
	for place, file := range order {
		for _, above := range order[:place] {
			if name := uses[file][above]; name != "" {
				list = append(list, fmt.Sprintf("%s uses %s of %s", r.names[file], name, r.names[above]))
			}
		}
	}
	return list
}

// The order is what the number hangs on.
func TestArrowsAreCountedRight(t *testing.T) {
	graph := func(arrows string) (uses []map[int]string) {
		uses = make([]map[int]string, 6)
		for i := range uses {
			uses[i] = map[int]string{}
		}
		for arrow := range strings.FieldsSeq(arrows) {
			uses[arrow[0]-'a'][int(arrow[1]-'a')] = "x"
		}
		return uses
	}
	for arrows, want := range map[string]int{
		"":                  0,
		"ab bc cd de ef":    0,
		"fe ed dc cb ba":    0,
		"ab ba":             1,
		"ab bc ca":          1,
		"ab ba cd dc ef fe": 3,
		"ab bc cd da":       1,
		"ab ac ad ae af ba": 1,
		"ba ca da ea fa ab": 1,
	} {
		uses := graph(arrows)
		order, got := ordered(uses), 0
		for place, file := range order {
			for _, above := range order[:place] {
				if uses[file][above] != "" {
					got++
				}
			}
		}
		require.Equal(t, want, got, arrows)
		slices.Sort(order)
		require.Equal(t, []int{0, 1, 2, 3, 4, 5}, order, arrows)
	}
}
