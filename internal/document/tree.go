package document

import (
	"fmt"

	yaml "go.yaml.in/yaml/v4"
)

// walk checks a tree as the library built it and follows its aliases, so that whoever comes later meets a plain tree.
type walk struct {
	source   *source
	mistakes Mistakes
	extents  map[*yaml.Node]extent
	expanded int // nodes that aliases stand for
}

// extent is how much there is below a node; its nodes are 0 while it is being walked.
type extent struct {
	nodes int // including itself
	depth int // of mappings and lists below it
}

// node returns what n stands for. A node that is reached again by an alias is walked once and shared.
func (w *walk) node(n *yaml.Node, path string, depth int) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return w.alias(n, path, depth)
	}
	w.extents[n] = extent{}
	e := extent{nodes: 1}
	switch {
	case depth > MaxDepth:
		w.addOnce(n, path, fmt.Sprintf("nested deeper than %d", MaxDepth))
		w.extents[n] = e
		return n
	case len(w.extents) > MaxNodes:
		w.addOnce(n, path, fmt.Sprintf("more than %d values", MaxNodes))
		w.extents[n] = e
		return n
	case n.Style&yaml.TaggedStyle != 0:
		w.add(n, path, fmt.Sprintf("tag %s is not read; leave it out", n.Tag))
	}
	n.Anchor = ""
	if n.Kind == yaml.MappingNode {
		w.keys(n, path)
	}
	for i, c := range n.Content {
		at := path
		switch {
		case n.Kind == yaml.SequenceNode:
			at = fmt.Sprintf("%s[%d]", path, i)
		case i%2 == 1:
			at = join(path, n.Content[i-1].Value)
		}
		n.Content[i] = w.node(c, at, depth+1)
		below := w.extents[c]
		e.nodes += below.nodes
		e.depth = max(e.depth, below.depth+1)
	}
	w.extents[n] = e
	return n
}

// alias returns the node that an alias names, when that keeps the tree a bounded tree.
func (w *walk) alias(n *yaml.Node, path string, depth int) *yaml.Node {
	e, walked := w.extents[n.Alias]
	if !walked || e.nodes == 0 {
		w.add(n, path, fmt.Sprintf("alias *%s stands inside what it names", n.Value))
		return n
	}
	if w.expanded += e.nodes; w.expanded > MaxNodes {
		w.addOnce(n, path, fmt.Sprintf("aliases stand for more than %d values", MaxNodes))
	}
	if depth+e.depth > MaxDepth {
		w.addOnce(n, path, fmt.Sprintf("nested deeper than %d", MaxDepth))
	}
	w.extents[n] = e
	return n.Alias
}

// keys checks that the keys of a mapping are texts that differ.
func (w *walk) keys(n *yaml.Node, path string) {
	lines := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch first, twice := lines[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			w.add(key, path, "got a key that is no plain text, want one")
		case key.Tag == "!!merge":
			w.add(key, path, "merge key << is not read; write the settings out")
		case twice:
			w.add(key, join(path, key.Value), fmt.Sprintf("stands twice, first in line %d", first))
		default:
			lines[key.Value] = key.Line
		}
	}
}

func (w *walk) add(n *yaml.Node, path, text string) {
	if len(w.mistakes) <= MaxMistakes {
		w.mistakes = append(w.mistakes, w.source.mistake(n.Line, n.Column, path, text))
	}
}

// addOnce is add for what would be said of every node behind.
func (w *walk) addOnce(n *yaml.Node, path, text string) {
	for _, m := range w.mistakes {
		if m.Text == text {
			return
		}
	}
	w.add(n, path, text)
}
