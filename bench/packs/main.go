// Command packs judges the rules that tocsin brings along by logs they were not written for, and by those they were: how many
// alerts they make of ordinary traffic, and how many labelled attacks they find.
//
//	go run ./bench/packs [-data DIR] [-only tuning|held-out] [-v]
//
// What is not part of this repository is read from clones below DIR, each in a directory of its own name, and left out with
// a word where it is not there.
package main

import (
	"flag"
	"fmt"
	"os"
	"text/tabwriter"

	"tocsin/internal/catalog"
	"tocsin/internal/pack"
	"tocsin/internal/rule"
)

func main() {
	data := flag.String("data", os.Getenv("TOCSIN_EVAL_DATA"), "`directory` with the clones (TOCSIN_EVAL_DATA)")
	only := flag.String("only", "", "judge by `tuning` or held-out data alone")
	verbose := flag.Bool("v", false, "tell what was found in each labelled attack")
	flag.Parse()
	if err := run(*data, *only, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "packs:", err)
		os.Exit(1)
	}
}

func run(data, only string, verbose bool) error {
	var rules []rule.Rule
	for _, p := range pack.All() {
		list, err := p.Rules(catalog.Detectors())
		if err != nil {
			return err
		}
		rules = append(rules, list...)
	}
	for i := range rules {
		rules[i].ID = int64(i)
	}
	j := judge{rules: rules, data: data}
	fmt.Printf("%d rules of %d packs\n", len(rules), len(pack.All()))
	for _, role := range []string{tuning, heldOut} {
		if only != "" && only != role {
			continue
		}
		fmt.Printf("\n== %s: ordinary traffic\n", role)
		if err := j.ordinary(role, verbose); err != nil {
			return err
		}
		fmt.Printf("\n== %s: attacks\n", role)
		if err := j.attacks(role, verbose); err != nil {
			return err
		}
	}
	return nil
}

// table begins a table on standard output.
func table(head string) *tabwriter.Writer {
	out := tabwriter.NewWriter(os.Stdout, 2, 8, 2, ' ', 0)
	fmt.Fprintln(out, head)
	return out
}
