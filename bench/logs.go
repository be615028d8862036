package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"text/tabwriter"
	"time"
)

// job is the size of LogTrack's job that is always measured; -lines gives the second.
const job = 210_000

// logs measures parsing by itself, CloudTrail files of two sizes, and what LogTrack does: ingest a log and judge it by six
// rules, next to other programs on the same file.
func logs(o options) error {
	dir, err := os.MkdirTemp("", "tocsin-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("%d CPUs; the log is made from %s, the records from %s\n\n", runtime.NumCPU(), o.sample, trailSample)
	if err := parsing(os.Stdout, o.sample); err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 2, 8, 2, ' ', 0)
	fmt.Fprintln(out, "\nwhat\twall s\tCPU s\tper second\tCPU s/M\tpeak MB\tlimit")
	if err := trails(out, o, dir); err != nil {
		return err
	}
	for _, lines := range []int{job, o.lines} {
		if err := jobs(out, o, dir, lines); err != nil {
			return err
		}
	}
	return out.Flush()
}

// trails reads files of CloudTrail records as AWS delivers them, one four times the size of the other.
func trails(out io.Writer, o options, dir string) error {
	for _, records := range []int{100_000, 400_000} {
		path := filepath.Join(dir, "trail.json")
		size, err := makeTrail(path, records)
		if err != nil {
			return err
		}
		m, err := measure(o.command(filepath.Join(dir, fmt.Sprint("trail", records)), "ingest", "--format", "cloudtrail", path))
		if err != nil {
			return err
		}
		m.print(out, fmt.Sprintf("CloudTrail file of %d records, %.0f MB", records, float64(size)/1e6), records, "peak the same for both")
	}
	return os.Remove(filepath.Join(dir, "trail.json"))
}

// jobs ingests one log and judges it, by tocsin and by its peers.
func jobs(out io.Writer, o options, dir string, lines int) error {
	log := filepath.Join(dir, "access.clf")
	size, err := makeLog(log, o.sample, lines)
	if err != nil {
		return err
	}
	data := filepath.Join(dir, fmt.Sprint("job", lines))
	ingest, err := measure(o.command(data, "ingest", "--format", "combined", log))
	if err != nil {
		return err
	}
	ingest.print(out, fmt.Sprintf("ingest %d lines, %.0f MB", lines, float64(size)/1e6), lines, "LogTrack: 4,700 to 12,000/s")
	detect, err := measure(o.command(data, "detect", "--dry-run"))
	if err != nil {
		return err
	}
	detect.print(out, fmt.Sprintf("detect over %d events, six rules", lines), lines, "LogTrack: 40,000 to 120,000/s")
	if err := logTrack(out, o, log, lines, ingest.wall+detect.wall); err != nil {
		return err
	}
	if path, err := exec.LookPath("goaccess"); err == nil {
		m, err := measure([]string{path, log, "--log-format=COMBINED", "--no-global-config", "--no-progress", "-o", filepath.Join(dir, "out.json")})
		if err != nil {
			return fmt.Errorf("goaccess: %w", err)
		}
		m.print(out, "peer: goaccess report", lines, "")
	} else {
		fmt.Fprintln(out, "peer: goaccess is not installed")
	}
	if path, err := exec.LookPath("fail2ban-regex"); err == nil && lines == job {
		// A named pattern of the date spares it trying all that it knows, which makes it ten times slower.
		m, err := measure([]string{path, "-d", `\[%d/%b/%Y:%H:%M:%S %z\]`, log, `^<HOST> \S+ \S+ +"[^"]*" 404 `})
		if err != nil {
			return fmt.Errorf("fail2ban-regex: %w", err)
		}
		m.print(out, "peer: fail2ban-regex, one expression", lines, "")
	} else if err != nil {
		fmt.Fprintln(out, "peer: fail2ban-regex is not installed")
	}
	return nil
}

// command is a call of tocsin on a directory of its own, with LogTrack's six rules.
func (o options) command(data string, args ...string) []string {
	return append([]string{o.binary, "--data", data, "--config", "bench/logtrack.yaml"}, args...)
}

// logTrack does the same with LogTrack itself, where a checkout is named.
func logTrack(out io.Writer, o options, log string, lines int, ours time.Duration) error {
	if o.logtrack == "" {
		return nil
	}
	python := func(script string) (measurement, error) {
		return measureIn(o.logtrack, []string{"PYTHONPATH=.", "FILE=" + log, "ZSCORE_ENABLED=1"}, []string{"python3", script})
	}
	for _, script := range []string{"db/reset_db.py", "db/init_db.py", "migrate_rules.py"} {
		if _, err := python(script); err != nil {
			return err
		}
	}
	ingest, err := python("cli/ingest_logs.py")
	if err != nil {
		return err
	}
	ingest.print(out, "peer: LogTrack ingest, its database apart", lines, "")
	detect, err := python("cli/run_detection.py")
	if err != nil {
		return err
	}
	detect.print(out, "peer: LogTrack detect, its database apart", lines, "")
	fmt.Fprintf(out, "the whole job: LogTrack takes %.1f times as long\n", (ingest.wall+detect.wall).Seconds()/ours.Seconds())
	return nil
}
