// Command bench measures tocsin as a whole process on real log lines and prints rates, CPU per event, bytes and peak memory
// next to the limits it is held to and, where they are installed, to other programs on the same file in the same run.
//
//	go run ./bench [-lines N] [-tocsin PATH]
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

const clfTime = "02/Jan/2006:15:04:05 -0700"

func main() {
	lines := flag.Int("lines", 1_000_000, "lines of combined log to make and read")
	binary := flag.String("tocsin", "bin/tocsin", "the binary to measure")
	sample := flag.String("sample", "testdata/real/apache_logs", "real log that the lines are made from, each copy four days later")
	rules := flag.String("rules", "bench/rules.yaml", "configuration with the rules that are on")
	flag.Parse()
	if err := run(*binary, *sample, *rules, *lines); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(binary, sample, rules string, lines int) error {
	dir, err := os.MkdirTemp("", "tocsin-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	log := filepath.Join(dir, "access.log")
	size, err := makeLog(log, sample, lines)
	if err != nil {
		return err
	}
	binary, err = filepath.Abs(binary)
	if err != nil {
		return err
	}
	fmt.Printf("%d lines of combined log, %.0f MB, made from %s; %d CPUs\n\n", lines, float64(size)/1e6, sample, runtime.NumCPU())

	data := filepath.Join(dir, "data")
	tocsin := func(args ...string) []string {
		return append([]string{binary, "--data", data, "--config", rules}, args...)
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

// makeLog writes copies of the sample, each four days later, lines in the order of time as a server writes them.
func makeLog(path, sample string, lines int) (size int64, err error) {
	data, err := os.ReadFile(sample)
	if err != nil {
		return 0, err
	}
	type entry struct {
		at           time.Time
		before, rest []byte
	}
	var entries []entry
	for line := range bytes.Lines(data) {
		from := bytes.IndexByte(line, '[') + 1
		to := from + bytes.IndexByte(line[from:], ']')
		at, err := time.Parse(clfTime, string(line[from:to]))
		if err != nil {
			return 0, fmt.Errorf("%s: %w", sample, err)
		}
		entries = append(entries, entry{at, line[:from], line[to:]})
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return a.at.Compare(b.at) })
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	var stamp []byte
	for n := range lines {
		e := &entries[n%len(entries)]
		stamp = e.at.AddDate(0, 0, 4*(n/len(entries))).AppendFormat(stamp[:0], clfTime)
		for _, part := range [][]byte{e.before, stamp, e.rest} {
			k, _ := w.Write(part)
			size += int64(k)
		}
	}
	return size, cmp.Or(w.Flush(), file.Close())
}

// A measurement is what the operating system accounts for one finished process.
type measurement struct {
	wall, cpu time.Duration
	peak      int64 // bytes
}

// measure runs a command. Its exit code may be 1, which says that nothing was found.
func measure(args []string) (measurement, error) {
	cmd := exec.Command(args[0], args[1:]...)
	var said bytes.Buffer
	cmd.Stderr = &said
	began := time.Now()
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 && bytes.Contains(said.Bytes(), []byte("tocsin: no ")) {
		err = nil
	}
	if err != nil {
		return measurement{}, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, said.Bytes())
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return measurement{
		wall: time.Since(began),
		cpu:  cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		peak: usage.Maxrss << 10, // Linux counts in KiB
	}, nil
}

func (m measurement) print(out *tabwriter.Writer, name string, lines int, limit string) {
	n := float64(lines)
	fmt.Fprintf(out, "%s\t%.2f\t%.2f\t%.0f\t%.3f\t%.0f\t%s\n", name, m.wall.Seconds(), m.cpu.Seconds(),
		n/m.wall.Seconds(), m.cpu.Seconds()/n*1e6, float64(m.peak)/1e6, limit)
}

func treeSize(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
