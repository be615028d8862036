package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"text/tabwriter"
)

// whole measures the program on one log of o.lines lines, with the rules of o.rules.
func whole(o options) error {
	lines := o.lines
	dir, err := os.MkdirTemp("", "tocsin-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	log := filepath.Join(dir, "access.log")
	size, err := makeLog(log, o.sample, lines)
	if err != nil {
		return err
	}
	fmt.Printf("%d lines of combined log, %.0f MB, made from %s; %d CPUs\n\n", lines, float64(size)/1e6, o.sample, runtime.NumCPU())

	data := filepath.Join(dir, "data")
	tocsin := func(args ...string) []string {
		return append([]string{o.binary, "--data", data, "--config", o.rules}, args...)
	}
	out := tabwriter.NewWriter(os.Stdout, 2, 8, 2, ' ', 0)
	fmt.Fprintln(out, "what\twall s\tCPU s\tper second\tCPU s/M\tpeak MB\tlimit")
	for _, step := range []struct {
		name  string
		args  []string
		limit string
	}{
		{"file to history, five rules", tocsin("ingest", "--format", "combined", "--detect", log), "300,000 lines/s, 6 CPU-s/M, 300 MB"},
		{"the same file again", tocsin("ingest", "--format", "combined", log), "adds nothing"},
		{"top 10 addresses by bytes", tocsin("top", "source.ip", "--by", "sum(http.response.bytes)"), "0.04 CPU-s/M (0.2 of 5 M)"},
		{"the same with a filter", tocsin("top", "source.ip", "--by", "sum(http.response.bytes)", "--where", "http.response.status_code >= 400"), "0.1 CPU-s/M (0.5 of 5 M)"},
		{"a word that is nowhere", tocsin("search", `event.original contains "quetzalcoatl"`), "0.05 CPU-s/M"},
		{"newest 100 of an address", tocsin("search", `source.ip == "195.250.34.144"`, "--limit", "100"), "50 ms"},
		{"detect, one rule over history", tocsin("detect", "--rule", "server-errors", "--dry-run"), "5 M events/s"},
		{"start and stop alone", tocsin("rules", "list"), ""},
	} {
		m, err := measure(step.args)
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		m.print(out, step.name, lines, step.limit)
	}
	if path, err := exec.LookPath("goaccess"); err == nil {
		m, err := measure([]string{path, log, "--log-format=COMBINED", "--no-global-config", "--no-progress", "-o", filepath.Join(dir, "out.json")})
		if err != nil {
			return fmt.Errorf("goaccess: %w", err)
		}
		m.print(out, "peer: goaccess report", lines, "")
	}
	out.Flush()
	stored, err := treeSize(filepath.Join(data, "history"))
	if err != nil {
		return err
	}
	fmt.Printf("\nhistory: %.1f bytes a line on disk, the line kept (limit 90); the log itself: %.1f\n",
		float64(stored)/float64(lines), float64(size)/float64(lines))
	return nil
}
