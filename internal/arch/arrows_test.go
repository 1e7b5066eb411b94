package arch

import (
	"fmt"
	"go/ast"
	"go/types"
	"math"
	"math/rand/v2"
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
// that is found in a second. So the number is a property of the code, and at
// most a little more than the true minimum.

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

// ordered returns an order of the files, users first, with few arrows up: a
// greedy one, improved by moving files, and shaken many times, because where no
// single move helps a few together may. It is the same for the same code.
func ordered(uses []map[int]string) []int {
	saved := make([][]int, len(uses)) // saved[upper][lower]: how many arrows up less if these two, one above the other, change places
	for i := range uses {
		saved[i] = make([]int, len(uses))
		for j := range uses {
			if uses[j][i] != "" {
				saved[i][j]++
			}
			if uses[i][j] != "" {
				saved[i][j]--
			}
		}
	}
	best := greedy(saved)
	improve(saved, best)
	chance := rand.New(rand.NewPCG(1, 2))
	for range 20 * len(best) {
		order := slices.Clone(best)
		for range 3 {
			move(order, chance.IntN(len(order)), chance.IntN(len(order)))
		}
		improve(saved, order)
		if gain(saved, best, order) >= 0 {
			best = order
		}
	}
	return best
}

// greedy puts first, again and again, what uses most of the others and is used by
// fewest of them.
func greedy(saved [][]int) (order []int) {
	left := make([]int, len(saved))
	for i := range left {
		left[i] = i
	}
	for len(left) > 0 {
		best, bestScore := 0, math.MinInt
		for place, i := range left {
			score := 0
			for _, j := range left {
				score -= saved[i][j]
			}
			if score > bestScore {
				best, bestScore = place, score
			}
		}
		order = append(order, left[best])
		left = slices.Delete(left, best, best+1)
	}
	return order
}

// improve moves single files, each to where it saves most, until none does.
func improve(saved [][]int, order []int) {
	for improved := true; improved; {
		improved = false
		for from := range order {
			best, most, sum := from, 0, 0
			for to := from - 1; to >= 0; to-- {
				if sum += saved[order[to]][order[from]]; sum > most {
					best, most = to, sum
				}
			}
			sum = 0
			for to := from + 1; to < len(order); to++ {
				if sum += saved[order[from]][order[to]]; sum > most {
					best, most = to, sum
				}
			}
			if most > 0 {
				move(order, from, best)
				improved = true
			}
		}
	}
}

// move takes a file from one place of the order to another.
func move(order []int, from, to int) {
	file := order[from]
	if from < to {
		copy(order[from:to], order[from+1:to+1])
	} else {
		copy(order[to+1:from+1], order[to:from])
	}
	order[to] = file
}

// gain is how many arrows up the order new has less than old.
func gain(saved [][]int, old, new []int) (sum int) {
	place := make([]int, len(new))
	for p, file := range new {
		place[file] = p
	}
	for p, lower := range old {
		for _, upper := range old[:p] {
			if place[lower] < place[upper] {
				sum += saved[upper][lower]
			}
		}
	}
	return sum
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
