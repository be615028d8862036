package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/enrich/enrichtest"
)

// A talk is a session by hand: what its client and its server sent, at one instant.
type talk struct {
	client, server string
	cport, sport   uint16
	proto          byte
	sent, received [2]uint32 // bytes and packets, as the client sees it
	after          time.Duration
}

// talks are what is sent to the tools' tocsin. No two entities have the same value in any ranking that a test looks at the
// order of, or they are ordered by name.
func talks() []talk {
	const a, b, c, d = "192.0.2.7", "198.51.100.1", "203.0.113.9", "198.51.100.2"
	return []talk{
		{a, b, 50001, 22, 6, [2]uint32{1000, 10}, [2]uint32{5000, 8}, 0},
		{a, d, 50002, 22, 6, [2]uint32{300, 3}, [2]uint32{200, 2}, 40 * time.Second},
		{c, b, 50003, 80, 6, [2]uint32{400, 4}, [2]uint32{90000, 60}, time.Minute},
		{a, b, 50004, 53, 17, [2]uint32{60, 1}, [2]uint32{120, 1}, 90 * time.Second},
		{c, a, 50005, 443, 6, [2]uint32{700, 7}, [2]uint32{800, 9}, 2 * time.Minute},
		{c, d, 50006, 80, 6, [2]uint32{7, 1}, [2]uint32{3, 1}, 150 * time.Second},
	}
}

// countryOf is what the database of the test says.
func countryOf(address string) string {
	if strings.HasPrefix(address, "198.51.100.") {
		return "FR"
	}
	return "DE"
}

// export writes talks as one datagram of NetFlow 5, two records each, as Cisco's format has it.
func export(list []talk, base, now time.Time) []byte {
	up := 10 * time.Hour // since the exporter started
	out := binary.BigEndian.AppendUint16(nil, 5)
	out = binary.BigEndian.AppendUint16(out, uint16(2*len(list)))
	out = binary.BigEndian.AppendUint32(out, uint32(up.Milliseconds()))
	out = binary.BigEndian.AppendUint32(out, uint32(now.Unix()))
	out = binary.BigEndian.AppendUint32(out, 0)
	out = append(out, make([]byte, 8)...)
	record := func(t talk, from, to string, sport, dport uint16, in, outIf uint16, sent [2]uint32) {
		source, destination := netip.MustParseAddr(from).As4(), netip.MustParseAddr(to).As4()
		out = append(append(append(out, source[:]...), destination[:]...), 0, 0, 0, 0)
		out = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(out, in), outIf)
		out = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(out, sent[1]), sent[0])
		at := uint32((up - now.Sub(base.Add(t.after))).Milliseconds())
		out = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(out, at), at)
		out = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(out, sport), dport)
		flags := byte(0)
		if t.proto == 6 {
			flags = 0x1b
		}
		out = append(out, 0, flags, t.proto, 0, 0, 0, 0, 0, 24, 24, 0, 0)
	}
	for _, t := range list {
		record(t, t.client, t.server, t.cport, t.sport, 3, 5, t.sent)
		record(t, t.server, t.client, t.sport, t.cport, 5, 3, t.received)
	}
	return out
}

// A tally is what a ranking says of one entity.
type tally struct {
	names                  []string
	sent, received         [2]uint64 // bytes, packets
	initiated, accepted    int
	sessions, hosts, ports map[string]bool
	line                   map[time.Duration]uint64 // bytes by when
}

// tallies counts talks as docs/flowtraq.md says, by looking at each from each of its ends.
func tallies(entity string, list []talk) []*tally {
	found := map[string]*tally{}
	of := func(names ...string) *tally {
		key := strings.Join(names, " ")
		if found[key] == nil {
			found[key] = &tally{names: names, sessions: map[string]bool{}, hosts: map[string]bool{}, ports: map[string]bool{}, line: map[time.Duration]uint64{}}
		}
		return found[key]
	}
	for i, t := range list {
		session, port := strconv.Itoa(i), strconv.Itoa(int(t.sport))
		part := func(to *tally, sent, received [2]uint32, client, server bool) {
			for n := range 2 {
				to.sent[n] += uint64(sent[n])
				to.received[n] += uint64(received[n])
			}
			if client {
				to.initiated++
			}
			if server {
				to.accepted++
			}
			to.line[t.after] += uint64(sent[0] + received[0])
			to.sessions[session] = true
		}
		switch entity {
		case "hosts":
			one, two := of(t.client), of(t.server)
			part(one, t.sent, t.received, true, false)
			part(two, t.received, t.sent, false, true)
			one.hosts[t.server], one.ports[port] = true, true
		case "pairs":
			lower, higher := t.client, t.server
			sent, received, upward := t.sent, t.received, true
			if netip.MustParseAddr(higher).Less(netip.MustParseAddr(lower)) {
				lower, higher, sent, received, upward = higher, lower, received, sent, false
			}
			one := of(lower, higher)
			part(one, sent, received, upward, !upward)
			one.ports[port] = true
		case "ports":
			one := of(port)
			part(one, t.received, t.sent, false, true)
			one.hosts[t.client] = true
		case "countrys":
			one, two := of(countryOf(t.client)), of(countryOf(t.server))
			part(one, t.sent, t.received, true, false)
			part(two, t.received, t.sent, false, true)
			one.hosts[t.client], two.hosts[t.server], one.ports[port], two.ports[port] = true, true, true, true
		}
	}
	var all []*tally
	for _, one := range found {
		all = append(all, one)
	}
	return all
}

// value is what an entity is ranked by.
func (t *tally) value(rank, side string) uint64 {
	switch {
	case rank == "uh":
		return uint64(len(t.hosts))
	case rank == "up":
		return uint64(len(t.ports))
	case rank == "s" && side == "-snd":
		return uint64(t.initiated)
	case rank == "s" && side == "-rcv":
		return uint64(t.accepted)
	case rank == "s":
		return uint64(len(t.sessions))
	}
	n := 0
	if rank == "p" {
		n = 1
	}
	switch side {
	case "-snd":
		return t.sent[n]
	case "-rcv":
		return t.received[n]
	default:
		return t.sent[n] + t.received[n] // also of what a country sent to itself
	}
}

// expected is what a tool prints, as rows of cells, the first of them the names of the columns.
func expected(entity, rank, side string, list []talk) [][]string {
	names := map[string][]string{"hosts": {"IP"}, "pairs": {"LOWER IP", "HIGHER IP"}, "ports": {"PORT"}, "countrys": {"COUNTRY"}}[entity]
	column := map[string]string{"b": "TOTAL BYTES", "b-snd": "SENT BYTES", "b-rcv": "RECV BYTES", "p": "TOTAL PCKTS", "p-snd": "SENT PCKTS", "p-rcv": "RECV PCKTS",
		"s": "SESSIONS", "s-snd": "SESS. INIT", "s-rcv": "SESS. ACPT", "uh": "UNIQUE HOSTS", "up": "UNIQUE PORTS"}[rank+side]
	rows := [][]string{append(slices.Clone(names), column, "SENT BYTES", "RECV BYTES", "SENT PCKTS", "RECV PCKTS", "SESS. INIT", "SESS. ACPT")}
	all := tallies(entity, list)
	slices.SortFunc(all, func(a, b *tally) int {
		return cmp.Or(cmp.Compare(b.value(rank, side), a.value(rank, side)), slices.CompareFunc(a.names, b.names, byKind))
	})
	for _, t := range all {
		v := t.value(rank, side)
		if v == 0 {
			continue // who has none of what is ranked is in no ranking of it
		}
		rows = append(rows, append(slices.Clone(t.names), fmt.Sprint(v), fmt.Sprint(t.sent[0]), fmt.Sprint(t.received[0]), fmt.Sprint(t.sent[1]), fmt.Sprint(t.received[1]),
			fmt.Sprint(t.initiated), fmt.Sprint(t.accepted)))
	}
	return rows
}

// byKind orders numbers as numbers, addresses as addresses, and the rest as text.
func byKind(a, b string) int {
	if x, err := strconv.Atoi(a); err == nil {
		if y, err := strconv.Atoi(b); err == nil {
			return cmp.Compare(x, y)
		}
	}
	x, err := netip.ParseAddr(a)
	y, other := netip.ParseAddr(b)
	if err == nil && other == nil {
		return x.Compare(y)
	}
	return cmp.Compare(a, b)
}

// asCSV writes cells that need no quotes.
func asCSV(rows [][]string) string {
	var b strings.Builder
	for _, row := range rows {
		b.WriteString(strings.Join(row, ",") + "\n")
	}
	return b.String()
}

// asTable writes cells as the tools' table has them: those of the last columns, which are numbers, at the right.
func asTable(rows [][]string, texts int) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			if i < texts {
				fmt.Fprintf(&line, "%-*s", widths[i], cell)
			} else {
				fmt.Fprintf(&line, "%*s", widths[i], cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// A flowtraqSite is a tocsin that was told of the talks, ten minutes ago, and of one more, two hours ago.
type flowtraqSite struct {
	t     *testing.T
	d     *daemon
	tools string // where the tools are
	host  string // where they ask
	base  time.Time
	zone  *time.Location
	old   talk
	key   string // file with the password of boss
}

func startFlowtraqSite(t *testing.T) *flowtraqSite {
	t.Helper()
	dir := t.TempDir()
	s := &flowtraqSite{t: t, tools: filepath.Join(dir, "cmdline"), key: filepath.Join(dir, "key")}
	countries := enrichtest.File(t, "countries.mmdb", enrichtest.Database{Type: "GeoLite2-Country", Of: map[string]map[string]any{"192.0.2.0/24": enrichtest.City("DE", ""), "203.0.113.0/24": enrichtest.City("DE", ""), "198.51.100.0/24": enrichtest.City("FR", "")}})
	udp, tcp := freePort(t, "udp"), freePort(t, "tcp")
	config := filepath.Join(dir, "tocsin.yaml")
	write(t, config, fmt.Sprintf("http: {listen: \"off\", flowtraq: %q}\njournal: {free_floor: off}\nsources: {syslog: [], flows: [{name: flows, udp: %q}]}\nenrich: {databases: [%q]}\n",
		tcp, udp, countries), 0o600)
	serve := command(t, filepath.Join(dir, "data"), "", "serve", "--config", config)
	serve.Env = append(serve.Env, "TZ=America/New_York")
	s.d, s.host = launch(t, filepath.Join(dir, "data"), serve), tcp
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(s.d.said.String(), "listening for flows"); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) || !s.d.alive() {
			t.Fatalf("does not listen:\n%s", s.d.said)
		}
	}
	write(t, s.key, "correct horse battery\n", 0o600)
	output(t, command(t, s.d.dir, "", "users", "add", "boss", "--admin", "--password-file", s.key))
	output(t, command(t, s.d.dir, "", "faces", "install", s.tools))
	var err error
	if s.zone, err = time.LoadLocation("America/New_York"); err != nil {
		t.Fatal(err)
	}

	to, err := net.Dial("udp", udp)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	now := time.Now().Truncate(time.Second)
	s.base = now.Truncate(time.Minute).Add(-10 * time.Minute)
	s.old = talk{"192.0.2.7", "198.51.100.1", 50007, 25, 6, [2]uint32{11, 1}, [2]uint32{13, 2}, 5 * time.Minute}
	for _, datagram := range [][]byte{export(talks(), s.base, now), export([]talk{s.old}, s.base.Add(-2*time.Hour), now)} {
		if _, err := to.Write(datagram); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(30 * time.Second); strings.Count(s.run("ns2sq", "-tn", "3h", "-c"), "\n") != len(talks())+1; <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the sessions do not come:\n%s%s", s.run("ns2sq", "-tn", "3h"), s.d.said)
		}
	}
	return s
}

// freePort returns an address of this machine that was free a moment ago, for "udp" or "tcp".
func freePort(t *testing.T, network string) (address string) {
	t.Helper()
	var l io.Closer
	var err error
	if network == "udp" {
		var c net.PacketConn
		if c, err = net.ListenPacket(network, "127.0.0.1:0"); err == nil {
			l, address = c, c.LocalAddr().String()
		}
	} else {
		var c net.Listener
		if c, err = net.Listen(network, "127.0.0.1:0"); err == nil {
			l, address = c, c.Addr().String()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

// run runs a tool and returns what it printed. It must end well and say nothing else.
func (s *flowtraqSite) run(tool string, args ...string) string {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(s.tools, tool), append([]string{"-s", s.host, "-un", "boss", "-upf", s.key}, args...)...)
	cmd.Env, cmd.Dir = []string{childVar + "=1", "HOME=/nowhere", "TZ=Asia/Tokyo"}, s.tools // the zone is the daemon's
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil || said.Len() > 0 {
		s.t.Fatalf("%s %s: %v\n%s%s", tool, args, err, out, &said)
	}
	return string(out)
}

// when writes an instant as -te and -tl want it.
func (s *flowtraqSite) when(at time.Time) string {
	return at.In(s.zone).Format("01/02/06 15:04:05.000000")
}

// Each tool of FlowTraq, called by its name over its port, prints what the flows add up to, in every form.
func TestFlowTraqTools(t *testing.T) {
	t.Parallel()
	s := startFlowtraqSite(t)
	t.Run("rankings", func(t *testing.T) { s.rankings(t) })
	t.Run("options", func(t *testing.T) { s.options(t) })
	t.Run("lines and pictures", func(t *testing.T) { s.lines(t) })
	t.Run("sessions", func(t *testing.T) { s.sessions(t) })
	t.Run("API", func(t *testing.T) { s.api(t) })
	t.Run("management", func(t *testing.T) { s.management(t) })
	s.d.stop()
}

func (s *flowtraqSite) same(t *testing.T, got, want, call string) {
	t.Helper()
	if got != want {
		t.Errorf("%s prints\n%swant\n%s", call, got, want)
	}
}

func (s *flowtraqSite) rankings(t *testing.T) {
	n := 0
	for _, entity := range []string{"hosts", "ports", "pairs", "countrys"} {
		texts := map[string]int{"hosts": 1, "ports": 0, "pairs": 2, "countrys": 1}[entity]
		for _, rank := range []string{"b", "p", "s", "up", "uh"} {
			tool := "ns2" + entity + rank
			if tool == "ns2portsup" || tool == "ns2pairsuh" {
				continue
			}
			n++
			rows := expected(entity, rank, "", talks())
			s.same(t, s.run(tool), asTable(rows, texts), tool)
			s.same(t, s.run(tool, "-c"), asCSV(rows[1:]), tool+" -c")
			if rank == "up" || rank == "uh" {
				continue
			}
			s.same(t, s.run(tool, "-c+", "-snd"), asCSV(expected(entity, rank, "-snd", talks())), tool+" -c+ -snd")
			s.same(t, s.run(tool, "-c+", "-rcv"), asCSV(expected(entity, rank, "-rcv", talks())), tool+" -c+ -rcv")
		}
	}
	if n != 18 {
		t.Errorf("%d rankings were tried, want 18", n)
	}
}

func (s *flowtraqSite) options(t *testing.T) {
	all := append(talks(), s.old)
	of := func(keep func(talk) bool) (list []talk) {
		for _, one := range talks() {
			if keep(one) {
				list = append(list, one)
			}
		}
		return list
	}
	hosts := func(list []talk) string { return asCSV(expected("hosts", "b", "", list)[1:]) }
	ssh := of(func(t talk) bool { return t.sport == 22 })
	oldAt := s.base.Add(-2 * time.Hour)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-tn", "-3h"}, hosts(all)},
		{[]string{"-tn", "1m"}, ""},
		{[]string{"-te", s.when(oldAt), "-tl", s.when(oldAt.Add(10 * time.Minute))}, hosts([]talk{s.old})},
		{[]string{"-te", s.when(oldAt)}, hosts(all)},
		{[]string{"-tl", s.when(oldAt.Add(6 * time.Minute)), "-tn", "1h"}, hosts([]talk{s.old})},
		{[]string{"-te", s.when(s.base), "-tl", s.when(s.base.Add(time.Minute))}, hosts(talks()[:2])}, // the end does not belong to it
		{[]string{"-q", "SRVPORT==22"}, hosts(ssh)},
		{[]string{"-q", "SRVPORT==22 || PROTO==UDP", "-e", "127.0.0.1", "-ei", "3"}, hosts(of(func(t talk) bool { return t.sport == 22 || t.proto == 17 }))},
		{[]string{"-q", "TOTBYTS>1000 && CLNIP==203.0.113.0/24"}, hosts(of(func(t talk) bool { return t.client == "203.0.113.9" && t.sent[0]+t.received[0] > 1000 }))},
		{[]string{"-ef", "127.0.0.1#5"}, hosts(talks())},
		{[]string{"-ef", "127.0.0.1#4"}, ""},
		{[]string{"-e", "192.0.2.254"}, ""},
		{[]string{"-once"}, hosts(talks())},
		{[]string{"-n", "2"}, asCSV(expected("hosts", "b", "", talks())[1:3])},
	} {
		s.same(t, s.run("ns2hostsb", append(c.args, "-c")...), c.want, "ns2hostsb -c "+strings.Join(c.args, " "))
	}
	s.same(t, s.run("ftstat", "-c"), hosts(talks()), "ftstat")
	s.same(t, s.run("ftstat", "-c", "-grp", "PAIR", "-cnt", "unique", "ports", "-n", "5"), asCSV(expected("pairs", "up", "", talks())[1:]), "ftstat of pairs by unique ports")
	s.same(t, s.run("ftstat", "-c", "-grp", "country", "-cnt", "sessions", "-rcv"), asCSV(expected("countrys", "s", "-rcv", talks())[1:]), "ftstat of countries by sessions accepted")
	s.same(t, s.run("ftstat", "-c", "-grp", "exporter", "-cnt", "unique", "hosts"), "127.0.0.1,2,"+strings.Join(s.exporterCells(), ",")+"\n", "ftstat of exporters")
}

// exporterCells is what an exporter that told of everything has: what is sent there is what servers sent.
func (s *flowtraqSite) exporterCells() []string {
	var sent, received [2]uint64
	for _, one := range talks() {
		for n := range 2 {
			sent[n], received[n] = sent[n]+uint64(one.received[n]), received[n]+uint64(one.sent[n])
		}
	}
	return []string{fmt.Sprint(sent[0]), fmt.Sprint(received[0]), fmt.Sprint(sent[1]), fmt.Sprint(received[1]), "0", fmt.Sprint(len(talks()))}
}

func (s *flowtraqSite) lines(t *testing.T) {
	from := s.base.Add(-time.Minute)
	window := []string{"-te", s.when(from), "-tl", s.when(from.Add(5 * time.Minute))}
	rows := expected("hosts", "b", "", talks())
	for i := range 60 { // five minutes in steps of 5 s
		at := from.Add(time.Duration(i) * 5 * time.Second)
		rows[0] = append(rows[0], at.In(s.zone).Format("01/02/2006 15:04:05.000000"))
	}
	for _, one := range tallies("hosts", talks()) {
		row := slices.IndexFunc(rows, func(r []string) bool { return r[0] == one.names[0] })
		for i := range 60 {
			at := from.Add(time.Duration(i) * 5 * time.Second).Sub(s.base)
			rows[row] = append(rows[row], fmt.Sprint(one.line[at]))
		}
	}
	s.same(t, s.run("ns2hostsb", append(window, "-c+", "-w")...), asCSV(rows), "ns2hostsb -w")

	picture := filepath.Join(s.tools, "top.png")
	s.same(t, s.run("ns2hostsb", append(window, "-c", "-g", "top.png", "-gx", "640", "-gy", "320")...), asCSV(expected("hosts", "b", "", talks())[1:]), "ns2hostsb -g")
	data, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := png.Decode(bytes.NewReader(data))
	if err != nil || drawn.Bounds().Dx() != 640 || drawn.Bounds().Dy() != 320 {
		t.Fatalf("the picture is %v, %v", drawn, err)
	}
	count := map[color.Color]int{}
	for y := range 320 {
		for x := range 640 {
			count[color.NRGBAModel.Convert(drawn.At(x, y))]++
		}
	}
	if count[color.NRGBA{0x33, 0x22, 0x88, 0xff}] < 300 || count[color.NRGBA{0x88, 0xcc, 0xee, 0xff}] < 300 {
		t.Errorf("the first two hosts are not to be seen")
	}
	s.run("ns2hostsb", append(window, "-g", "-gx", "200", "-gy", "150")...)
	s.run("ftstat", append(window, "-g", "top.svg")...)
	for name, want := range map[string]struct {
		magic string
		size  int
	}{"ns2hostsb.tga": {"\x00\x00\x02", 18 + 200*150*3 + 26}, "top.svg": {"<svg ", 0}} {
		data, err := os.ReadFile(filepath.Join(s.tools, name))
		if err != nil || !strings.HasPrefix(string(data), want.magic) || want.size > 0 && len(data) != want.size {
			t.Errorf("%s: %v, %d bytes", name, err, len(data))
		}
	}
	if tga := s.run("ns2portsb", append(window, "-g", "-")...); !strings.HasPrefix(tga, "\x00\x00\x02") || len(tga) != 18+800*400*3+26 {
		t.Errorf("-g - prints %d bytes", len(tga))
	}
}

// sessionRows is what ns2sq prints of talks.
func (s *flowtraqSite) sessionRows() [][]string {
	rows := [][]string{strings.Split("CLIENT ADDRESS,CLIENT COUNTRY,CLIENT AS,CLIENT GROUP,CLIENT PORT,CLIENT PCKTS,CLIENT BYTES,CLIENT FLAGS,"+
		"SERVER ADDRESS,SERVER COUNTRY,SERVER AS,SERVER GROUP,SERVER PORT,SERVER PCKTS,SERVER BYTES,SERVER FLAGS,PROTOCOL,APPLICATION,START TIME,END TIME,EXPORTERS", ",")}
	for _, one := range talks() {
		at := s.base.Add(one.after).In(s.zone).Format("01/02/2006 15:04:05.000000")
		flags, proto := "APSF", "TCP"
		if one.proto == 17 {
			flags, proto = "", "UDP"
		}
		rows = append(rows, []string{one.client, countryOf(one.client), "0", "", fmt.Sprint(one.cport), fmt.Sprint(one.sent[1]), fmt.Sprint(one.sent[0]), flags,
			one.server, countryOf(one.server), "0", "", fmt.Sprint(one.sport), fmt.Sprint(one.received[1]), fmt.Sprint(one.received[0]), flags, proto, "", at, at, "127.0.0.1"})
	}
	return rows
}

func (s *flowtraqSite) sessions(t *testing.T) {
	rows := s.sessionRows()
	s.same(t, s.run("ns2sq", "-c+"), asCSV(rows), "ns2sq -c+")
	s.same(t, s.run("ftsq", "-c", "-n", "2"), asCSV(rows[1:3]), "ftsq -c -n 2")
	s.same(t, s.run("ftsq", "-c", "-q", "PROTO==UDP"), asCSV(rows[4:5]), "ftsq of UDP")
	if got := s.run("ns2sq", "-n", "1"); !strings.HasSuffix(got, "\n\nTotal sessions: 6\nTotal packets: 107\nTotal bytes: 98590\n") || strings.Count(got, "\n") != 6 {
		t.Errorf("ns2sq -n 1 prints\n%s", got)
	}
}

// api asks FlowTraq's JSON API as its manual's example does.
func (s *flowtraqSite) api(t *testing.T) {
	res, err := http.PostForm("http://"+s.host+"/flowtraq/api/v1/auth", url.Values{"server": {"localhost"}, "port": {"9640"}, "username": {"boss"}, "password": {"correct horse battery"}})
	if err != nil {
		t.Fatal(err)
	}
	var auth struct {
		Token string `json:"auth_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&auth); err != nil || auth.Token == "" {
		t.Fatalf("auth: %s, %v", res.Status, err)
	}
	res.Body.Close()
	ask := func(path string, into any) string {
		t.Helper()
		res, err := http.Get("http://" + s.host + "/flowtraq/api/v1/" + path + "auth_token=" + auth.Token)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("%s: %v in %s", path, err, text)
		}
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var stat struct {
		Columns []string
		Data    [][]json.RawMessage
	}
	text := ask("stat?group_by=COUNTRY&count_by=BYTES&time_range=-1h&", &stat)
	want := expected("countrys", "b", "-snd", talks())
	if len(stat.Data) != len(want)-1 || len(stat.Columns) != len(want[0])+2 {
		t.Fatalf("stat answers %s", text)
	}
	for i, row := range append([][]json.RawMessage{nil}, stat.Data...) {
		var cells []string
		for _, raw := range row {
			var cell string
			if json.Unmarshal(raw, &cell) == nil {
				cells = append(cells, cell)
			}
		}
		if i == 0 {
			cells = stat.Columns[:len(stat.Columns)-1]
		}
		cells = slices.Delete(slices.Clone(cells), 2, 3) // the colour
		if !slices.Equal(cells, want[i]) {
			t.Errorf("row %d of stat is %q, want %q", i, cells, want[i])
		}
	}
	var sum float64
	var line []string
	if err := json.Unmarshal(stat.Data[0][len(stat.Data[0])-1], &line); err != nil || len(line) < 60 || len(line) > 61 {
		t.Errorf("the line over time is %q, %v", line, err)
	}
	for _, text := range line {
		v, err := strconv.ParseFloat(text, 64)
		if sum += v; err != nil {
			t.Error(err)
		}
	}
	if fmt.Sprint(sum) != want[1][1] {
		t.Errorf("the line over time adds up to %v, want %s", sum, want[1][1])
	}
	var sessions struct {
		Columns []string
		Data    [][]string
		Summary []string
	}
	text = ask("sessions?query=PROTO==UDP&", &sessions)
	rows := s.sessionRows()
	if !slices.Equal(sessions.Columns, rows[0]) || len(sessions.Data) != 1 || !slices.Equal(sessions.Data[0], rows[4]) ||
		!slices.Equal(sessions.Summary, []string{"Total sessions: 1", "Total packets: 2", "Total bytes: 180"}) {
		t.Errorf("sessions answers %s", text)
	}
	var refused struct{ Error string }
	if ask("stat?group_by=nonsense&", &refused); !strings.Contains(refused.Error, "want one of IP") {
		t.Errorf("stat of nonsense answers %q", refused.Error)
	}
}

// management: accounts, names and groups by FlowTraq's tools, and what an account with a filter sees.
func (s *flowtraqSite) management(t *testing.T) {
	refused := func(want, tool string, args ...string) {
		t.Helper()
		cmd := exec.Command(filepath.Join(s.tools, tool), append([]string{"-s", s.host, "-un", "boss", "-upf", s.key}, args...)...)
		cmd.Env = []string{childVar + "=1", "HOME=/nowhere"}
		if said, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(said), want) || cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("%s %s: %v, exit code %d, %s; want 1 about %q", tool, args, err, cmd.ProcessState.ExitCode(), said, want)
		}
	}
	s.same(t, s.run("ftum", "-ua", "bob", "-npf", s.key), "user bob: added\n", "ftum -ua")
	refused("bob", "ns2um", "-ua", "bob", "-npf", s.key)
	s.same(t, s.run("ns2um", "-ug", "bob"), "user bob: is an administrator\n", "ns2um -ug")
	s.same(t, s.run("ns2um", "-ur", "bob"), "user bob: is an ordinary user\n", "ns2um -ur")
	refused("boss", "ftum", "-ur", "boss") // nobody demotes himself
	refused("boss", "ftum", "-ud", "boss") // he is logged in: the API's token is his
	if list := s.run("ftum", "-ul", "-c+"); !strings.HasPrefix(list, "NAME,ROLE,ACTIVE,ENABLED,LAST LOGIN,USER FILTER\n") || !strings.Contains(list, "\nbob,user,no,yes,") || !strings.Contains(list, "\nboss,administrator,yes,yes,") {
		t.Errorf("ftum -ul prints\n%s", list)
	}
	output(t, command(t, s.d.dir, "", "users", "filter", "bob", "network.transport == \"udp\""))
	bob := exec.Command(filepath.Join(s.tools, "ns2sq"), "-s", s.host, "-un", "bob", "-upf", s.key, "-c")
	bob.Env = []string{childVar + "=1", "HOME=/nowhere"}
	s.same(t, output(t, bob), asCSV(s.sessionRows()[4:5]), "ns2sq of a user who may see UDP alone")
	s.same(t, s.run("ftum", "-ud", "bob"), "user bob: deleted\n", "ftum -ud")

	s.same(t, s.run("ftname", "-ns", "192.0.2.7", "-nn", "mail"), "address 192.0.2.7: is called mail\n", "ftname -ns")
	s.run("ftname", "-ns", "127.0.0.1#3", "-nk", "interface", "-nn", "uplink")
	s.run("ftname", "-ns", "64500", "-nk", "as", "-nn", "example")
	s.same(t, s.run("ftname", "-nl", "-c", "-nk", "interface"), "interface,127.0.0.1#3,uplink\n", "ftname -nl")
	s.same(t, s.run("ftname", "-nd", "192.0.2.7"), "address 192.0.2.7: has no name any more\n", "ftname -nd")
	refused("192.0.2.7", "ftname", "-nd", "192.0.2.7")
	s.same(t, s.run("fttg", "-tgs", "office", "-tgm", "192.0.2.0/24,198.51.100.7:443/tcp"), "traffic group office: has 2 members\n", "fttg -tgs")
	s.same(t, s.run("fttg", "-tgl", "-c"), "office,\"192.0.2.0/24,198.51.100.7:443/tcp\"\n", "fttg -tgl")
	s.same(t, s.run("fttg", "-tgd", "office"), "traffic group office: deleted\n", "fttg -tgd")
	refused("office", "fttg", "-tgd", "office")
}
