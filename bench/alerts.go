package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"
)

// What the suite sends: events that no rule minds, and a few, each of an address of its own, that open an alert at once.
const (
	probeNet    = "198.18." // RFC 2544, for benchmarks
	probesEvery = 50 * time.Millisecond
	batchEvery  = 20 * time.Millisecond
	openAlerts  = 10_000
)

// alertRules judge every event; the first one is what the probes meet.
const alertRules = `http: {listen: "off", max_body: 64MiB}
sources: {syslog: [], flows: []}
alerts: {max_open: 100000, notify_limit: off}
notify:
  mail: {min_severity: HIGH, via: {mail: {server: 127.0.0.1, port: %s, tls: none, from: tocsin@example.org, to: [a@example.org]}}}
  syslog: {min_severity: HIGH, via: {syslog: {host: 127.0.0.1, port: %s, transport: tcp, format: rfc5424}}}
rules:
- {name: probe, from: log, where: 'message contains "probe"', detect: {threshold: {by: [source.ip], over: 1h, at_least: 1}}, severity: HIGH}
- {name: many, from: log, where: 'message contains "many"', detect: {threshold: {by: [source.ip], over: 1h, at_least: 1}}, severity: LOW}
- {name: errors, from: log, where: 'http.response.status_code >= 500', detect: {threshold: {by: [source.ip], over: 1m, at_least: 100000}}, severity: LOW}
- {name: busy, from: log, detect: {threshold: {by: [source.ip], over: 5m, at_least: 10000000}}, severity: LOW}
- {name: bytes, from: log, detect: {threshold: {metric: sum(http.response.bytes), by: [source.ip], over: 1m, above: 1000000000000}}, severity: LOW}
- {name: paths, from: log, detect: {threshold: {metric: distinct(url.path), by: [source.ip], over: 1m, at_least: 100000}}, severity: LOW}
`

// alerts measures how long it takes from an event to the notice about it in the hands of a mail server and of a syslog
// collector while other events come in, and how long a list of many open alerts takes.
func alerts(o options) error {
	dir, err := os.MkdirTemp("", "tocsin-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	mail, err := serve(ctx, smtp)
	if err != nil {
		return err
	}
	syslog, err := serve(ctx, collector)
	if err != nil {
		return err
	}
	config := filepath.Join(dir, "tocsin.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, alertRules, mail.port(), syslog.port()), 0o600); err != nil {
		return err
	}
	d, err := startDaemon(o.binary, filepath.Join(dir, "data"), config)
	if err != nil {
		return err
	}
	defer d.end()
	fmt.Printf("%d events/s for %v, six rules, one alert every %v; %d CPUs shared with the sender and both receivers\n\n", o.rate, o.duration, probesEvery, runtime.NumCPU())
	f := &feeder{daemon: d, sent: map[string]time.Time{}}
	if err := f.run(o.rate, o.duration); err != nil {
		return err
	}
	for end := time.Now().Add(time.Minute); (mail.count() < len(f.sent) || syslog.count() < len(f.sent)) && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	out := tabwriter.NewWriter(os.Stdout, 2, 8, 2, ' ', 0)
	fmt.Fprintln(out, "event to notice\talerts\tp50 ms\tp99 ms\tmax ms\tlimit")
	for name, r := range map[string]*receiver{"in the hands of the mail server": mail, "in the hands of the syslog collector": syslog} {
		r.print(out, name, f.sent)
	}
	used, err := d.cpu()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nevents\tper second\tCPU s\tCPU µs an event\tslowest answer ms\n%d\t%.0f\t%.1f\t%.1f\t%.0f\n", f.events,
		float64(f.events)/f.took.Seconds(), used.Seconds(), used.Seconds()/float64(f.events)*1e6, f.slowest.Seconds()*1e3)
	if err := out.Flush(); err != nil {
		return err
	}
	return lists(d)
}

// lists opens many alerts and asks for them.
func lists(d *daemon) error {
	var body bytes.Buffer
	for i := range openAlerts {
		probe(&body, "many", fmt.Sprintf("10.1.%d.%d", i>>8, i&255), time.Now())
	}
	if err := d.post(body.Bytes()); err != nil {
		return err
	}
	var all []json.RawMessage
	for end := time.Now().Add(2 * time.Minute); len(all) < openAlerts; {
		if time.Now().After(end) {
			return fmt.Errorf("%d alerts are open, want %d", len(all), openAlerts)
		}
		if err := d.get("/api/v1/alerts?states=open&limit=100000", &all); err != nil {
			return err
		}
	}
	out := tabwriter.NewWriter(os.Stdout, 2, 8, 2, ' ', 0)
	fmt.Fprintln(out, "\nlist of open alerts\trows\tp50 ms\tmax ms\tCPU ms\tlimit")
	for _, q := range []struct{ name, path, limit string }{
		{"all of them", "/api/v1/alerts?states=open&limit=100000", "100 ms"},
		{"all of them, without samples", "/api/v1/alerts?states=open&limit=100000&brief=true", "100 ms"},
		{"the newest 1,000", "/api/v1/alerts?states=open", ""},
		{"HIGH or worse of one rule, newest 100", "/api/v1/alerts?states=open&rule=probe&min_severity=HIGH&limit=100", ""},
		{"what changed since the last change but 100", fmt.Sprint("/api/v1/alerts?since_change=", openAlerts-100), ""},
	} {
		var times []time.Duration
		before, err := d.cpu()
		if err != nil {
			return err
		}
		const asked = 20
		for range asked {
			began := time.Now()
			text, err := d.fetch(http.MethodGet, q.path, http.NoBody)
			if err != nil {
				return err
			}
			times = append(times, time.Since(began)) // to the last byte
			if err := json.Unmarshal(text, &all); err != nil {
				return err
			}
		}
		after, err := d.cpu()
		if err != nil {
			return err
		}
		slices.Sort(times)
		fmt.Fprintf(out, "%s\t%d\t%.1f\t%.1f\t%.0f\t%s\n", q.name, len(all), ms(times[len(times)/2]), ms(times[len(times)-1]), ms(after-before)/asked, q.limit)
	}
	return out.Flush()
}

func ms(d time.Duration) float64 { return d.Seconds() * 1e3 }

// print writes how long notices took.
func (r *receiver) print(out io.Writer, name string, sent map[string]time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var times []time.Duration
	for probe, at := range sent {
		if got, ok := r.at[probe]; ok {
			times = append(times, got.Sub(at))
		}
	}
	if len(times) == 0 {
		fmt.Fprintf(out, "%s\t0 of %d\n", name, len(sent))
		return
	}
	slices.Sort(times)
	fmt.Fprintf(out, "%s\t%d of %d\t%.1f\t%.1f\t%.1f\t1,000 ms at p99\n", name, len(times), len(sent),
		ms(times[len(times)/2]), ms(times[len(times)*99/100]), ms(times[len(times)-1]))
}

// A feeder sends events at a rate.
type feeder struct {
	*daemon

	sent    map[string]time.Time // when each probe was handed over
	events  int
	took    time.Duration
	slowest time.Duration
	mu      sync.Mutex
	err     error
}

// run sends for a while, a batch at a time, each on its own so that a slow answer delays no other.
func (f *feeder) run(rate int, duration time.Duration) error {
	began := time.Now()
	var sending sync.WaitGroup
	probes := 0
	slots := make(chan struct{}, 32)
	for now := range ticks(batchEvery, duration) {
		due := int(float64(rate) * now.Seconds())
		var body bytes.Buffer
		for ; f.events < due; f.events++ {
			other(&body, f.events, time.Now())
		}
		at := time.Now()
		if int(now/probesEvery) >= probes {
			address := fmt.Sprintf("%s%d.%d", probeNet, probes>>8, probes&255)
			probe(&body, "probe", address, at)
			f.sent[address] = at
			probes++
			f.events++
		}
		slots <- struct{}{}
		sending.Go(func() {
			defer func() { <-slots }()
			err := f.post(body.Bytes())
			f.mu.Lock()
			defer f.mu.Unlock()
			f.err = errors.Join(f.err, err)
			f.slowest = max(f.slowest, time.Since(at))
		})
	}
	sending.Wait()
	f.took = time.Since(began)
	return f.err
}

// ticks gives the time since the start, every so often, until it is over.
func ticks(every, duration time.Duration) func(func(time.Duration) bool) {
	return func(yield func(time.Duration) bool) {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		began := time.Now()
		for range ticker.C {
			passed := time.Since(began)
			if passed >= duration || !yield(passed) {
				return
			}
		}
	}
}

// probe writes an event that opens an alert: its message says by which rule.
func probe(b *bytes.Buffer, message, address string, at time.Time) {
	fmt.Fprintf(b, `{"@timestamp":%q,"source.ip":%q,"message":%q,"http.response.status_code":404}`+"\n", at.UTC().Format(time.RFC3339Nano), address, message)
}

func other(b *bytes.Buffer, n int, at time.Time) {
	fmt.Fprintf(b, `{"@timestamp":%q,"source.ip":"192.0.2.%d","http.response.status_code":%d,"http.response.bytes":%d,"url.path":"/a/%d","user_agent.original":"Mozilla/5.0 (X11; Linux x86_64)","message":"GET /a/%d"}`+"\n",
		at.UTC().Format(time.RFC3339Nano), n%250, 200+n%3*100, n%5000, n%97, n%97)
}

// A daemon is a tocsin that runs.
type daemon struct {
	cmd  *exec.Cmd
	http *http.Client
	said bytes.Buffer
}

func startDaemon(binary, data, config string) (*daemon, error) {
	d := &daemon{cmd: exec.Command(binary, "--data", data, "--config", config, "serve")}
	d.cmd.Stderr = &d.said
	socket := filepath.Join(data, "tocsin.sock")
	d.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if res, err := d.http.Get("http://tocsin/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return d, nil
			}
		}
	}
	d.end()
	return nil, fmt.Errorf("tocsin does not start: %s", d.said.Bytes())
}

func (d *daemon) end() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	_ = d.cmd.Wait()
}

// cpu is what the daemon has used so far.
func (d *daemon) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		return 0, err
	}
	return time.Duration(user+system) * (time.Second / 100), nil // Linux counts for programs in hundredths, proc(5)
}

func (d *daemon) post(body []byte) error {
	_, err := d.fetch(http.MethodPost, "/api/v1/events", bytes.NewReader(body))
	return err
}

func (d *daemon) get(path string, into any) error {
	text, err := d.fetch(http.MethodGet, path, http.NoBody)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// fetch asks and reads the whole answer.
func (d *daemon) fetch(method, path string, body io.Reader) ([]byte, error) {
	r, err := http.NewRequest(method, "http://tocsin"+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	res, err := d.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, res.Status, text)
	}
	return text, err
}
