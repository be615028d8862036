package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
	"text/tabwriter"
	"time"
)

// What the generator sends: full datagrams of NetFlow 5.
const (
	perDatagram = 30
	flowSources = 200_000 // addresses that talk, few much and many little
	flowPool    = 8192    // datagrams that are made before the clock runs
)

// flowRules judge every flow, over hosts, pairs and ports. None is to fire.
const flowRules = `http: {listen: "off"}
sources: {syslog: [], flows: [{name: flows, udp: %q}]}
rules:
- {name: bytes-host, from: flow, detect: {threshold: {metric: sum(source.bytes), by: [source.ip], over: 5m, above: 1000000000000000}}, severity: LOW}
- {name: bytes-pair, from: flow, detect: {threshold: {metric: sum(source.bytes), by: [source.ip, destination.ip], over: 1m, above: 1000000000000000}}, severity: LOW}
- {name: bytes-port, from: flow, detect: {threshold: {metric: sum(source.bytes), by: [destination.port], over: 5m, above: 1000000000000000}}, severity: LOW}
- {name: packets-host, from: flow, detect: {threshold: {metric: sum(source.packets), by: [destination.ip], over: 1m, above: 1000000000000000}}, severity: LOW}
- {name: ssh, from: flow, where: 'destination.port == 22', detect: {threshold: {by: [source.ip], over: 5m, above: 1000000000}}, severity: LOW}
- {name: web, from: flow, where: 'destination.port == 443', detect: {threshold: {by: [destination.ip], over: 1m, above: 1000000000}}, severity: LOW}
- {name: dns, from: flow, where: 'destination.port == 53', detect: {threshold: {metric: sum(source.bytes), by: [source.ip], over: 1m, above: 1000000000000000}}, severity: LOW}
- {name: peers, from: flow, where: 'destination.port == 25', detect: {threshold: {metric: distinct(destination.ip), by: [source.ip], over: 5m, above: 100000}}, severity: LOW}
- {name: ports, from: flow, where: 'source.packets < 2', detect: {threshold: {metric: distinct(destination.port), by: [source.ip], over: 1m, above: 100000}}, severity: LOW}
- {name: all, from: flow, detect: {threshold: {metric: sum(source.bytes), by: [], over: 1m, above: 9000000000000000}}, severity: LOW}
`

// flows measures the whole path of flows, from the socket to history and rules, and what nfcapd, which only writes, makes of the
// same load.
func flows(o options) error {
	dir, err := os.MkdirTemp("", "tocsin-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	address, err := freePort()
	if err != nil {
		return err
	}
	config := filepath.Join(dir, "tocsin.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, flowRules, address), 0o600); err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	d, err := startDaemon(o.binary, data, config)
	if err != nil {
		return err
	}
	defer d.end()
	fmt.Printf("%d flows/s of NetFlow 5 for %v from %d addresses, ten rules; %d CPUs shared with the generator\n\n", o.flows, o.duration, flowSources, runtime.NumCPU())
	sent, sender, err := generate(o, address)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 2, 8, 2, ' ', 0)
	fmt.Fprintln(out, "who\tflows sent\tkept\tlost %\tCPU s\tCPU s a million\tMB at its peak\tbytes a flow")
	if err := settle(d, sent); err != nil {
		return err
	}
	used, err := d.cpu()
	if err != nil {
		return err
	}
	var found struct{ Events int64 }
	if err := d.get("/api/v1/top?kinds=flow", &found); err != nil {
		return err
	}
	d.end()
	size, err := treeSize(filepath.Join(data, "history"))
	if err != nil {
		return err
	}
	flowLine(out, "tocsin", sent, found.Events, used, d.cmd.ProcessState, size)
	if err := nfcapd(o, out, dir); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nthe generator: %.1f CPU s\n", sender.Seconds())
	return out.Flush()
}

func flowLine(out io.Writer, who string, sent, kept int64, used time.Duration, state *os.ProcessState, size int64) {
	peak := state.SysUsage().(*syscall.Rusage).Maxrss << 10
	fmt.Fprintf(out, "%s\t%d\t%d\t%.2f\t%.1f\t%.2f\t%.0f\t%.1f\n", who, sent, kept, 100*float64(sent-kept)/float64(sent), used.Seconds(),
		used.Seconds()/float64(kept)*1e6, float64(peak)/1e6, float64(size)/float64(kept))
}

// freePort finds a UDP port of this machine that nobody listens on.
func freePort() (string, error) {
	l, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return "", err
	}
	return l.LocalAddr().String(), l.Close()
}

// generate runs the generator in a process of its own and returns how many flows it sent and what it used.
func generate(o options, address string) (sent int64, used time.Duration, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	cmd := exec.Command(self, "-suite", "flows", "-send", address, "-flows", strconv.Itoa(o.flows), "-for", o.duration.String())
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return 0, 0, fmt.Errorf("generator: %w", err)
	}
	_, err = fmt.Sscan(string(text), &sent)
	return sent, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), err
}

// settle returns when all flows can be found, or those that came when no more come.
func settle(d *daemon, sent int64) error {
	kept, still := int64(0), 0
	for end := time.Now().Add(2 * time.Minute); kept < sent && still < 20 && time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		var list []struct {
			Flows int64 `json:"flows"`
		}
		if err := d.get("/api/v1/exporters", &list); err != nil {
			return err
		}
		total := int64(0)
		for _, e := range list {
			total += e.Flows
		}
		if still++; total != kept {
			still = 0
		}
		kept = total
	}
	_, err := d.fetch(http.MethodPost, "/api/v1/flush", http.NoBody)
	return err
}

// nfcapd measures nfcapd of nfdump on the same load, where it is installed.
func nfcapd(o options, out io.Writer, dir string) error {
	program, err := exec.LookPath("nfcapd")
	if errors.Is(err, exec.ErrNotFound) {
		fmt.Fprintln(out, "nfcapd\tis not installed")
		return nil
	}
	if err != nil {
		return err
	}
	address, err := freePort()
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	files := filepath.Join(dir, "nfcapd")
	if err := os.Mkdir(files, 0o700); err != nil {
		return err
	}
	cmd := exec.Command(program, "-w", files, "-p", port, "-b", "127.0.0.1", "-t", "3600", "-B", "4000000", "-y")
	if err := cmd.Start(); err != nil {
		return err
	}
	time.Sleep(time.Second)
	sent, _, err := generate(o, address)
	time.Sleep(2 * time.Second)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
	if err != nil {
		return err
	}
	kept, size := int64(0), int64(0)
	err = filepath.WalkDir(files, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text, err := exec.Command("nfdump", "-r", path, "-I").Output()
		if m := regexp.MustCompile(`(?m)^Flows: (\d+)$`).FindSubmatch(text); err == nil && m != nil {
			n, _ := strconv.ParseInt(string(m[1]), 10, 64)
			kept, size = kept+n, size+info.Size()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if kept == 0 {
		return errors.New("nfcapd kept nothing")
	}
	flowLine(out, "nfcapd -y", sent, kept, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), cmd.ProcessState, size)
	return nil
}

// send is the generator. It prints how many flows it sent.
func send(o options) error {
	to, err := net.Dial("udp", o.send)
	if err != nil {
		return err
	}
	defer to.Close()
	pool := flowDatagrams()
	began, sent := time.Now(), int64(0)
	for i := 0; ; i++ {
		passed := time.Since(began)
		if passed >= o.duration {
			break
		}
		if ahead := time.Duration(float64(sent)/float64(o.flows)*float64(time.Second)) - passed; ahead > time.Millisecond {
			time.Sleep(ahead)
			continue
		}
		b := pool[i%len(pool)]
		binary.BigEndian.PutUint32(b[8:], uint32(time.Now().Unix()))
		binary.BigEndian.PutUint32(b[16:], uint32(sent))
		if _, err := to.Write(b); err != nil {
			return err
		}
		sent += perDatagram
	}
	fmt.Println(sent)
	return nil
}

// flowDatagrams makes datagrams whose sources are spread after Zipf's law.
func flowDatagrams() [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(rng, 1.1, 8, flowSources-1)
	ports := [...]uint16{443, 443, 443, 80, 53, 53, 22, 25, 123, 8080}
	be := binary.BigEndian
	pool := make([][]byte, flowPool)
	for i := range pool {
		b := make([]byte, 24+48*perDatagram)
		be.PutUint16(b, 5)
		be.PutUint16(b[2:], perDatagram)
		be.PutUint32(b[4:], 3_600_000)
		for n := range perDatagram {
			r := b[24+48*n:]
			be.PutUint32(r, 10<<24+uint32(zipf.Uint64()))
			be.PutUint32(r[4:], 0xc6336400+uint32(rng.IntN(4096)))
			packets := uint32(1 + rng.IntN(40))
			be.PutUint32(r[16:], packets)
			be.PutUint32(r[20:], packets*uint32(40+rng.IntN(1400)))
			length := uint32(rng.IntN(20_000))
			be.PutUint32(r[24:], 3_595_000-length)
			be.PutUint32(r[28:], 3_595_000)
			be.PutUint16(r[32:], uint16(32768+rng.IntN(28_000)))
			be.PutUint16(r[34:], ports[rng.IntN(len(ports))])
			r[37], r[38] = 0x1b, 6
		}
		pool[i] = b
	}
	return pool
}
