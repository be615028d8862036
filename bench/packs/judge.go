package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/internal/alert"
	"tocsin/internal/detect"
	"tocsin/internal/event"
	"tocsin/internal/rule"
)

// A judge shows logs to all rules.
type judge struct {
	rules []rule.Rule
	data  string
}

// An opened alert: a finding that began one.
type opened struct {
	rule   *rule.Rule
	entity alert.Entity
}

// alerts returns the alerts that the rules make of a log, one for each time that a condition began.
func (j *judge) alerts(l *log) ([]opened, error) {
	findings, _, err := detect.History(context.Background(), detect.HistoryOptions{}, j.rules,
		func(yield func(*event.Batch, []int32) error) error {
			for _, b := range l.batches {
				if err := yield(b, nil); err != nil {
					return err
				}
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	open := map[string]bool{}
	var list []opened
	for _, f := range findings {
		key := fmt.Sprint(f.Rule, " ", f.Entity.Key())
		if f.Triggers > 0 && !open[key] {
			list = append(list, opened{rule: &j.rules[f.Rule], entity: f.Entity})
		}
		open[key] = !f.Ended && (open[key] || f.Triggers > 0)
	}
	return list, nil
}

// missing says that data is not there, and whether that was the cause.
func missing(path string, err error) bool {
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Printf("left out: %s is not there\n", path)
		return true
	}
	return false
}

// ordinary tells how many alerts a day ordinary traffic leads to.
func (j *judge) ordinary(role string, verbose bool) error {
	out := table("log\tlines\tdays\talerts\talerts a day\tby rule")
	defer out.Flush()
	for _, d := range traffic {
		if d.role != role {
			continue
		}
		l, err := readLog(j.file(d), d.format, d.name)
		if missing(d.path, err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", d.path, err)
		}
		list, err := j.alerts(l)
		if err != nil {
			return err
		}
		for _, o := range list {
			if verbose {
				fmt.Printf("  %s: %s %s\n", d.name, o.rule.Name, o.entity)
			}
		}
		days := l.last.Sub(l.first).Hours() / 24
		fmt.Fprintf(out, "%s\t%d\t%.2f\t%d\t%.1f\t%s\n", d.name, l.lines, days, len(list), float64(len(list))/max(days, 1.0/24), byRule(list))
	}
	return nil
}

// byRule counts alerts by rule, most first.
func byRule(list []opened) string {
	counts := map[string]int{}
	for _, o := range list {
		counts[o.rule.Name]++
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, counts[name])
	}
	return strings.Join(names, ", ")
}

// attacks tells which labelled attacks are found.
func (j *judge) attacks(role string, verbose bool) error {
	if err := j.scans(role); err != nil {
		return err
	}
	if err := j.hub(role, verbose); err != nil {
		return err
	}
	return j.cloud(role)
}

// scans tells which rules see a scanner at work.
func (j *judge) scans(role string) error {
	out := table("scanner\tlines\tnot read\talerts\trules that see it")
	defer out.Flush()
	for _, d := range scans {
		if d.role != role {
			continue
		}
		l, err := readLog(j.file(d), d.format, d.name)
		if missing(d.path, err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", d.path, err)
		}
		list, err := j.alerts(l)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\t%d\t%d\t%d\t%s\n", d.name, l.lines, l.lines-l.read, len(list), byRule(list))
	}
	return nil
}

// cloud tells which techniques are found in the records of CloudTrail that they leave behind.
func (j *judge) cloud(role string) error {
	dir := ownRecords
	if role == heldOut {
		dir = filepath.Join(j.data, detonations)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		fmt.Printf("left out: %s is not there\n", dir)
		return nil
	}
	out := table("technique (CloudTrail)\trecords\trules that see it")
	found, all := 0, 0
	for _, path := range paths {
		if _, err := os.Stat(filepath.Join(ownRecords, filepath.Base(path))); role == heldOut && err == nil {
			continue // for tuning
		}
		l, err := readLog(path, "cloudtrail", "cloudtrail")
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		list, err := j.alerts(l)
		if err != nil {
			return err
		}
		all++
		if len(list) > 0 {
			found++
		}
		fmt.Fprintf(out, "%s\t%d\t%s\n", strings.TrimSuffix(filepath.Base(path), ".json"), l.read, byRule(list))
	}
	fmt.Fprintf(out, "found\t\t%d of %d\n", found, all)
	return out.Flush()
}
