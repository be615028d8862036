// Command bench measures tocsin as a whole process on real data and prints rates, CPU per event, bytes and peak memory next
// to the limits it is held to and, where they are installed, to other programs on the same file in the same run.
//
//	go run ./bench [-suite whole|logs|alerts|flows] [-lines N] [-tocsin PATH] [-logtrack DIR]
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// options are what a suite is measured with.
type options struct {
	binary   string // absolute path
	sample   string
	rules    string
	lines    int
	logtrack string
	rate     int
	flows    int
	send     string
	duration time.Duration
	shape    string
	short    bool
	part     string
	enrich   bool
	mutants  int
}

func main() {
	var o options
	suite := flag.String("suite", "whole", "what to measure: whole (the program on one large log), logs (formats, and LogTrack's job), alerts (event to notice, lists) or flows (socket to history and rules, beside nfcapd)")
	flag.IntVar(&o.rate, "rate", 10_000, "events a second that alerts sends")
	flag.DurationVar(&o.duration, "for", time.Minute, "for how long it does, and flows")
	flag.IntVar(&o.flows, "flows", 300_000, "flows a second that flows sends")
	flag.StringVar(&o.shape, "shape", "zipf", "of the generator: zipf, spread for flows of a datagram that do not end together, or flood or flood6 for sources that are made up")
	flag.BoolVar(&o.short, "short", false, "of flows: leave out what takes long; with -for 10s for a quick look")
	flag.StringVar(&o.part, "part", "", "of flows: decoders, mutants (mutated datagrams), whole (the whole path), questions, hosts (a million of them) or flood alone; empty is all")
	flag.BoolVar(&o.enrich, "enrich", true, "of flows: give events the country and AS of both ends, on the whole path")
	flag.IntVar(&o.mutants, "mutants", 100_000_000, "of flows: how many mutated datagrams are decoded")
	flag.StringVar(&o.send, "send", "", "of flows: be the generator alone, and send to this address")
	flag.IntVar(&o.lines, "lines", 1_000_000, "lines of combined log to make and read")
	flag.StringVar(&o.binary, "tocsin", "bin/tocsin", "the binary to measure")
	flag.StringVar(&o.sample, "sample", "testdata/real/apache_logs", "real log that the lines are made from, each copy four days later")
	flag.StringVar(&o.rules, "rules", "bench/rules.yaml", "configuration with the rules that are on")
	flag.StringVar(&o.logtrack, "logtrack", "", "a checkout of LogTrack to measure beside, with python3 and a database named by DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD; its tables are emptied")
	flag.Parse()
	run, ok := map[string]func(options) error{"whole": whole, "logs": logs, "alerts": alerts, "flows": flows}[*suite]
	if !ok {
		fmt.Fprintf(os.Stderr, "bench: no suite %q (want whole, logs, alerts or flows)\n", *suite)
		os.Exit(2)
	}
	if *suite == "flows" && o.send != "" {
		run = send
	}
	var err error
	if o.binary, err = filepath.Abs(o.binary); err == nil {
		err = run(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
