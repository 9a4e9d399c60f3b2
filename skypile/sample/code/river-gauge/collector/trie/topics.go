// Package trie finds the subscribers of a topic such as "river/elbe/station/17/level".
//
// Subscriptions may hold "+" for exactly one level and, at the end, "#" for all that follows.
package trie

import (
	"fmt"
	"sort"
	"strings"
)

// Tree maps subscription patterns to the names of subscribers. It is not safe for concurrent use.
type Tree struct {
	root  node
	count int
}

type node struct {
	children map[string]*node
	names    map[string]struct{}
}

// Check returns an error where a pattern could never match, with the level that is to blame.
func Check(pattern string) error {
	levels := strings.Split(pattern, "/")
	for i, level := range levels {
		switch {
		case level == "":
			return fmt.Errorf("trie: %q: level %d is empty", pattern, i)
		case level == "#" && i < len(levels)-1:
			return fmt.Errorf("trie: %q: # must come last", pattern)
		case len(level) > 1 && strings.ContainsAny(level, "#+"):
			return fmt.Errorf("trie: %q: a wildcard must stand alone in level %d", pattern, i)
		}
	}
	return nil
}

// Subscribe adds a name below a pattern. Doing so twice has no further effect.
func (t *Tree) Subscribe(pattern, name string) error {
	if err := Check(pattern); err != nil {
		return err
	}
	at := &t.root
	for _, level := range strings.Split(pattern, "/") {
		if at.children == nil {
			at.children = make(map[string]*node)
		}
		next := at.children[level]
		if next == nil {
			next = &node{}
			at.children[level] = next
		}
		at = next
	}
	if at.names == nil {
		at.names = make(map[string]struct{})
	}
	if _, known := at.names[name]; !known {
		at.names[name] = struct{}{}
		t.count++
	}
	return nil
}

// Unsubscribe removes a name and the branches that became empty; it tells whether it was there.
func (t *Tree) Unsubscribe(pattern, name string) bool {
	removed := t.root.remove(strings.Split(pattern, "/"), name)
	if removed {
		t.count--
	}
	return removed
}

func (n *node) remove(levels []string, name string) bool {
	if len(levels) == 0 {
		_, known := n.names[name]
		delete(n.names, name)
		return known
	}
	child := n.children[levels[0]]
	if child == nil || !child.remove(levels[1:], name) {
		return false
	}
	if len(child.names) == 0 && len(child.children) == 0 {
		delete(n.children, levels[0])
	}
	return true
}

// Match returns the sorted names whose patterns cover the topic, each once.
func (t *Tree) Match(topic string) []string {
	found := make(map[string]struct{})
	t.root.collect(strings.Split(topic, "/"), found)
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (n *node) collect(levels []string, found map[string]struct{}) {
	if rest := n.children["#"]; rest != nil {
		for name := range rest.names { // "#" covers the parent level, too
			found[name] = struct{}{}
		}
	}
	if len(levels) == 0 {
		for name := range n.names {
			found[name] = struct{}{}
		}
		return
	}
	for _, key := range [...]string{levels[0], "+"} {
		if child := n.children[key]; child != nil {
			child.collect(levels[1:], found)
		}
	}
}

// Len returns the number of subscriptions.
func (t *Tree) Len() int { return t.count }
