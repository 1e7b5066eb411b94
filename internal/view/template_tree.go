package view

import (
	"text/template"
	"text/template/parse"
)

// ticker is called by each round of a loop and each template that is included.
// The library has no other way to end an execution.
const ticker = "tick"

var tick = template.Must(template.New("").Funcs(template.FuncMap{ticker: func() string { return "" }}).Parse("{{" + ticker + "}}")).Root.Nodes[0]

// clock has a list of nodes begin with a look at the clock.
func (t *textTemplate) clock(list *parse.ListNode) {
	if list != nil {
		list.Nodes = append([]parse.Node{tick}, list.Nodes...)
	}
}

// prepare notes the texts that stand in a tree and gives its loops a clock.
func (t *textTemplate) prepare(n parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				t.prepare(child)
			}
		}
	case *parse.IfNode:
		t.branch(&n.BranchNode)
	case *parse.WithNode:
		t.branch(&n.BranchNode)
	case *parse.RangeNode:
		t.branch(&n.BranchNode)
		t.clock(n.List)
	case *parse.ActionNode:
		t.prepare(n.Pipe)
	case *parse.TemplateNode:
		t.prepare(n.Pipe)
	case *parse.PipeNode:
		if n != nil {
			for _, command := range n.Cmds {
				t.prepare(command)
			}
		}
	case *parse.CommandNode:
		for _, arg := range n.Args {
			t.prepare(arg)
		}
	case *parse.ChainNode:
		t.prepare(n.Node)
	case *parse.StringNode:
		t.literals[n.Text] = true
	}
}

func (t *textTemplate) branch(n *parse.BranchNode) {
	t.prepare(n.Pipe)
	t.prepare(n.List)
	t.prepare(n.ElseList)
}
