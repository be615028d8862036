package main

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/document"
)

// What an assertion of a scenario test says: how many alerts there are, and whom they are about.
var (
	countPattern  = regexp.MustCompile(`(?m)^len\(results\) == ([0-9]+)`)
	sourcePattern = regexp.MustCompile(`(?m)^"([0-9a-fA-F.:]+)" in results\[[0-9]+\]\.Overflow\.GetSources\(\)`)
)

// A hubTest is one labelled log.
type hubTest struct {
	name    string
	log     string
	sources []string // whom the scenario finds
	none    bool     // the scenario must find nobody
}

// hubTests reads the tests that say what a scenario finds.
func (j *judge) hubTests(role string) ([]hubTest, error) {
	dirs, err := os.ReadDir(filepath.Join(j.data, hubTests))
	if err != nil {
		return nil, err
	}
	var tests []hubTest
	for _, d := range dirs {
		dir := filepath.Join(j.data, hubTests, d.Name())
		asserted, err := os.ReadFile(filepath.Join(dir, "scenario.assert"))
		if hubRole(d.Name()) != role || err != nil {
			continue // it tests a parser
		}
		settings, err := os.ReadFile(filepath.Join(dir, "config.yaml"))
		if err != nil {
			return nil, err
		}
		root, err := document.Parse(d.Name(), settings)
		if err != nil {
			return nil, err
		}
		file, _ := root.Get("log_file")
		t := hubTest{name: d.Name(), log: filepath.Join(dir, file.String())}
		if n := countPattern.FindSubmatch(asserted); n != nil {
			count, err := strconv.Atoi(string(n[1]))
			t.none = err == nil && count == 0
		}
		found := map[string]bool{}
		for _, m := range sourcePattern.FindAllSubmatch(asserted, -1) {
			if a, err := netip.ParseAddr(string(m[1])); err == nil {
				found[a.Unmap().String()] = true
			}
		}
		t.sources = slices.Sorted(maps.Keys(found))
		if t.none || len(t.sources) > 0 {
			tests = append(tests, t)
		}
	}
	return tests, nil
}

// subject says what sort of log a test is about.
func (l *log) subject() string {
	switch {
	case l.format == "combined":
		return "web"
	case l.format == "cloudtrail":
		return "cloudtrail"
	case l.programs["sshd"] || l.programs["sshd-session"]:
		return "ssh"
	default:
		return "other programs"
	}
}

// score counts what was found of one subject.
type score struct {
	tests, found       int // tests that find somebody
	sources, named     int // whom they find, and of those whom we name as well
	silent, disturbed  int // tests that find nobody, and of those where we ring
	alerts, unlabelled int // about addresses, and of those about addresses that no label names
}

// hub holds the rules against CrowdSec's scenario tests.
func (j *judge) hub(role string, verbose bool) error {
	tests, err := j.hubTests(role)
	if missing(hubTests, err) {
		return nil
	}
	if err != nil {
		return err
	}
	scores := map[string]*score{}
	foreign := 0
	for _, t := range tests {
		l, err := readLog(t.log, "", t.name)
		if errors.Is(err, errForeign) || errors.Is(err, os.ErrNotExist) {
			foreign++
			if verbose {
				fmt.Printf("  %s: not read\n", t.name)
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		list, err := j.alerts(l)
		if err != nil {
			return err
		}
		s := scores[l.subject()]
		if s == nil {
			s = &score{}
			scores[l.subject()] = s
		}
		missed := s.count(t, list)
		if verbose {
			fmt.Printf("  %s (%s): %s; missed %s\n", t.name, l.subject(), byRule(list), strings.Join(missed, " "))
		}
	}
	out := table("CrowdSec scenario tests\ttests\tfound\trecall\tattackers\tnamed\trecall\talerts about others\ttests that want none\twhere we ring")
	for _, subject := range slices.Sorted(maps.Keys(scores)) {
		s := scores[subject]
		fmt.Fprintf(out, "%s\t%d\t%d\t%s\t%d\t%d\t%s\t%d of %d\t%d\t%d\n", subject, s.tests, s.found, share(s.found, s.tests), s.sources, s.named,
			share(s.named, s.sources), s.unlabelled, s.alerts, s.silent, s.disturbed)
	}
	fmt.Fprintf(out, "left out, of a format that is not read\t%d\n", foreign)
	return out.Flush()
}

func share(part, whole int) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100*float64(part)/float64(whole))
}

// count holds the alerts about a log against its labels and returns the attackers that were missed. An alert that is not
// about an address counts as about all of them.
func (s *score) count(t hubTest, list []opened) (missed []string) {
	about := map[string]bool{}
	all := false
	for _, o := range list {
		if o.rule.Detector != "threshold" {
			continue // silence and volume say nothing of an attack
		}
		address := ""
		for _, pair := range o.entity {
			if pair.Field == "source.ip" {
				address = pair.Value
			}
		}
		if address == "" {
			all = true
			continue
		}
		about[address] = true
		s.alerts++
		if !slices.Contains(t.sources, address) {
			s.unlabelled++
		}
	}
	if t.none {
		s.silent++
		if len(list) > 0 {
			s.disturbed++
		}
		return nil
	}
	s.tests++
	s.sources += len(t.sources)
	named := 0
	for _, source := range t.sources {
		if about[source] || all {
			named++
		} else {
			missed = append(missed, source)
		}
	}
	s.named += named
	if named > 0 {
		s.found++
	}
	return missed
}
