package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

func (s *shell) rulesImport(owner *string) *cobra.Command {
	var replace bool
	c := &cobra.Command{
		Use: "import FILE", Short: "Add all rules of a file", Args: cobra.ExactArgs(1),
		Long:    "Adds the rules of a YAML file: a list under rules, a list, or one rule a document. What is wrong with one keeps no other from being added.",
		Example: "  tocsin rules import rules.yaml\n  tocsin rules import --replace - < rules.yaml",
	}
	c.Flags().BoolVar(&replace, "replace", false, "change rules of the same name")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		text, err := s.readFile(args[0])
		if err != nil {
			return err
		}
		list, err := splitRules(text)
		if err != nil {
			return refused(fmt.Errorf("read %s: %w", args[0], err))
		}
		kept := 0
		for _, one := range list {
			r, err := putRule(ctx, svc, api.RuleEdit{Owner: *owner, Text: one.text, Replace: replace})
			if err != nil {
				s.say("tocsin: %s:%d: %s", clean(args[0]), one.line, printable(err.Error()))
				continue
			}
			kept++
			if err := s.saidRule(r, "kept"); err != nil {
				return err
			}
		}
		s.say("%d of %d rules kept", kept, len(list))
		if kept < len(list) || kept == 0 {
			return errQuiet
		}
		return nil
	})
	return c
}

// A ruleText is one rule of a file and the line where it begins.
type ruleText struct {
	text string
	line int
}

// splitRules takes a file of rules apart: one rule a document, lists, and lists under "rules".
func splitRules(text string) ([]ruleText, error) {
	var list []ruleText
	documents := yaml.NewDecoder(strings.NewReader(text))
	for {
		var doc yaml.Node
		err := documents.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fault.New(fault.Invalid, "%w", err)
		}
		if len(doc.Content) == 0 {
			continue
		}
		nodes, err := ruleNodes(doc.Content[0])
		if err != nil {
			return nil, err
		}
		for _, n := range nodes {
			var b bytes.Buffer
			e := yaml.NewEncoder(&b)
			e.SetIndent(2)
			if err := errors.Join(e.Encode(n), e.Close()); err != nil {
				return nil, fault.New(fault.Invalid, "line %d: %w", n.Line, err)
			}
			list = append(list, ruleText{b.String(), n.Line})
		}
	}
}

// ruleNodes finds the rules of a document.
func ruleNodes(n *yaml.Node) ([]*yaml.Node, error) {
	switch n.Kind {
	case yaml.SequenceNode:
		return n.Content, nil
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == "rules" {
				if len(n.Content) > 2 {
					return nil, fault.New(fault.Invalid, "line %d: want nothing beside rules", n.Line)
				}
				return ruleNodes(n.Content[i+1])
			}
		}
		return []*yaml.Node{n}, nil
	default:
		return nil, fault.New(fault.Invalid, "line %d: want rules", n.Line)
	}
}
