package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/fault"
	"tocsin/internal/pack"
)

func (s *shell) rulesPacks() *cobra.Command {
	c := &cobra.Command{
		Use: "packs [PACK...]", Short: "List the rules that tocsin brings along",
		Long: `Lists the rules that tocsin brings along, in packs. They are off until the configuration names their pack, as in

  packs: [web, ssh]

A pack that is on can be tuned there; see docs/rulepacks.md.`,
		Example:           "  tocsin rules packs\n  tocsin rules packs show web > my-web.yaml",
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.FixedCompletions(pack.Names(), cobra.ShellCompDirectiveNoFileComp),
		RunE:              s.run(func(_ context.Context, args []string) error { return s.listPacks(args) }),
	}
	c.AddCommand(s.rulesPacksShow())
	return c
}

// packRule is a rule of a pack as JSON.
type packRule struct {
	Pack        string   `json:"pack"`
	Name        string   `json:"name"`
	Title       string   `json:"title"`
	Severity    string   `json:"severity"`
	From        string   `json:"from"`
	Where       string   `json:"where,omitempty"`
	Detect      string   `json:"detect"`
	Description string   `json:"description,omitempty"`
	References  []string `json:"references,omitempty"`
	Samples     int      `json:"samples"`
}

func (s *shell) listPacks(names []string) error {
	for _, name := range names {
		if _, ok := pack.Find(name); !ok {
			return noPack(name)
		}
	}
	out := s.sheet(column{name: "pack"}, column{name: "rule"}, column{name: "severity", paint: severityColours}, column{name: "title"})
	for _, p := range pack.All() {
		if len(names) > 0 && !slices.Contains(names, p.Name) {
			continue
		}
		rules, err := p.Rules(s.Detectors)
		if err != nil {
			return err
		}
		for i := range rules {
			r := &rules[i]
			var kinds []string
			for _, k := range r.Kinds() {
				kinds = append(kinds, k.String())
			}
			v := packRule{
				Pack: p.Name, Name: r.Name, Title: r.Title, Severity: r.Severity.String(), From: strings.Join(kinds, ","), Where: r.WhereText(),
				Detect: r.Detect, Description: r.Description, References: r.References, Samples: len(r.Samples),
			}
			if err := out.add(v, v.Pack, v.Name, v.Severity, v.Title); err != nil {
				return err
			}
		}
	}
	return out.end()
}

func noPack(name string) error {
	return fault.New(fault.NotFound, "no pack %q (want one of %s)", name, strings.Join(pack.Names(), ", "))
}

func (s *shell) rulesPacksShow() *cobra.Command {
	return &cobra.Command{
		Use: "show PACK", Short: "Print a pack as a file of rules, with its samples", Args: cobra.ExactArgs(1),
		Example:           "  tocsin rules packs show web > my-web.yaml\n  tocsin rules packs show web | tocsin rules test -",
		ValidArgsFunction: cobra.FixedCompletions(pack.Names(), cobra.ShellCompDirectiveNoFileComp),
		RunE: s.run(func(_ context.Context, args []string) error {
			p, ok := pack.Find(args[0])
			if !ok {
				return noPack(args[0])
			}
			_, err := fmt.Fprint(s.Out, string(p.Text))
			return err
		}),
	}
}
