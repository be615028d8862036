package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/rule"
)

func (s *shell) rulesImport(owner *string) *cobra.Command {
	var replace bool
	c := &cobra.Command{
		Use: "import FILE", Short: "Add all rules of a file", Args: cobra.ExactArgs(1),
		Long:    "Adds the rules of a YAML file: a list under rules, a list, or one rule a document. What is wrong with one keeps no other from being added.\n\nLogTrack's rules_config.json is recognised by its content. Its rules keep their ids as names, and read again they are changed,\nnot doubled; what has no meaning here is told.",
		Example: "  tocsin rules import rules.yaml\n  tocsin rules import --replace - < rules.yaml\n  tocsin rules import rules_config.json",
	}
	c.Flags().BoolVar(&replace, "replace", false, "change rules of the same name")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		text, err := s.readFile(args[0])
		if err != nil {
			return err
		}
		if isLogTrack(text) {
			return s.importLogTrackRules(ctx, svc, *owner, args[0], text)
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

// isLogTrack reports whether a text is LogTrack's file of rules: a JSON array of objects that have a rule_type.
func isLogTrack(text string) bool {
	if !strings.HasPrefix(strings.TrimSpace(text), "[") {
		return false
	}
	var entries []map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &entries) != nil {
		return false
	}
	return slices.ContainsFunc(entries, func(keys map[string]json.RawMessage) bool { return keys["rule_type"] != nil })
}

// importLogTrackRules keeps the rules of LogTrack's file, in the place of those of the same names.
func (s *shell) importLogTrackRules(ctx context.Context, svc api.Service, owner, path, text string) error {
	list, problems, err := rule.ImportLogTrack([]byte(text), s.Detectors)
	if err != nil {
		return refused(fmt.Errorf("read %s: %w", path, err))
	}
	for _, problem := range problems {
		s.say("tocsin: %s: %s", clean(path), printable(problem))
	}
	kept := 0
	for i := range list {
		r, err := putRule(ctx, svc, api.RuleEdit{Owner: owner, Text: list[i].Text, Replace: true})
		if err != nil {
			s.say("tocsin: %s: rule %s: %s", clean(path), clean(list[i].Name), printable(err.Error()))
			continue
		}
		kept++
		if err := s.saidRule(r, "kept"); err != nil {
			return err
		}
	}
	s.say("%d of LogTrack's rules kept", kept)
	if kept < len(list) || len(problems) > 0 || kept == 0 {
		return errQuiet
	}
	return nil
}
