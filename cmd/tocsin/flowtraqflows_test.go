package main

import (
	"bytes"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

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

// rankings holds every ranking, from every side, in every form, with lines over time and without, against what was counted by hand.
func (s *flowtraqSite) rankings(t *testing.T) {
	from := s.base.Add(-time.Minute)
	window := []string{"-te", s.when(from), "-tl", s.when(from.Add(5 * time.Minute))}
	var times []string
	for i := range 60 { // five minutes in steps of 5 s
		times = append(times, from.Add(time.Duration(i)*5*time.Second).In(s.zone).Format("01/02/2006 15:04:05.000000"))
	}
	n := 0
	for _, entity := range []string{"hosts", "ports", "pairs", "countrys", "as"} {
		for _, rank := range []string{"b", "p", "s", "up", "uh"} {
			tool := []string{"ns2" + entity + rank}
			switch {
			case tool[0] == "ns2portsup" || tool[0] == "ns2pairsuh":
				continue
			case entity == "as": // which the first generation had not
				tool = append([]string{"ftstat", "-grp", "AS", "-cnt"}, strings.Fields(map[string]string{"b": "bytes", "p": "packets", "s": "sessions", "up": "unique ports", "uh": "unique hosts"}[rank])...)
			default:
				n++
			}
			sides := []string{"", "-snd", "-rcv"}
			if rank == "up" || rank == "uh" {
				sides = sides[:1]
			}
			for _, side := range sides {
				s.ranking(t, tool, entity, rank, side, talks(), window, times)
			}
		}
	}
	// What a filter asks of whole sessions is found by another way through them.
	long := slices.DeleteFunc(talks(), func(one talk) bool { return one.sent[0]+one.received[0] <= 1000 || one.proto != 6 })
	for tool, what := range map[string][3]string{"ns2hostsb": {"hosts", "b", ""}, "ns2portsp": {"ports", "p", "-rcv"}, "ns2pairss": {"pairs", "s", "-snd"}, "ns2countrysuh": {"countrys", "uh", ""}} {
		s.ranking(t, []string{tool, "-q", "TOTBYTS>1000 && FLAGS==SYN"}, what[0], what[1], what[2], long, window, times)
	}
	if n != 18 {
		t.Errorf("%d rankings were tried, want 18", n)
	}
}

// ranking holds one against what was counted by hand.
func (s *flowtraqSite) ranking(t *testing.T, tool []string, entity, rank, side string, list []talk, window, times []string) {
	t.Helper()
	texts := map[string]int{"hosts": 1, "pairs": 2, "countrys": 1}[entity]
	plain := expected(entity, rank, side, list)
	var long [][]string
	lines := series(entity, rank, side, list, plain, -time.Minute, 5*time.Second, len(times))
	for i, row := range plain {
		more := times
		if i > 0 {
			more = lines[i-1]
		}
		long = append(long, append(slices.Clone(row), more...))
	}
	ask := slices.Clone(tool[1:])
	if side != "" {
		ask = append(ask, side)
	}
	s.asked++
	for i, c := range []struct {
		args []string
		want string
	}{
		{nil, asTable(plain, texts)},
		{[]string{"-c"}, asCSV(plain[1:])},
		{[]string{"-c+"}, asCSV(plain)},
		{append([]string{"-w"}, window...), asTable(long, texts)},
		{append([]string{"-w", "-c"}, window...), asCSV(long[1:])},
		{append([]string{"-w", "-c+"}, window...), asCSV(long)},
	} {
		if testing.Short() && i%3 != s.asked%3 { // one form with lines over time and one without
			continue
		}
		args := append(slices.Clone(ask), c.args...)
		s.same(t, s.run(tool[0], args...), c.want, tool[0]+" "+strings.Join(args, " "))
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
		{[]string{"-te", s.when(s.base), "-tl", s.when(s.base.Add(time.Minute))}, hosts(during(talks(), 0, time.Minute))}, // the end does not belong to it
		{[]string{"-q", "SRVPORT==22"}, hosts(ssh)},
		{[]string{"-q", "SRVPORT==22 || PROTO==UDP", "-e", "127.0.0.1", "-ei", "3"}, hosts(of(func(t talk) bool { return t.sport == 22 || t.proto == 17 }))},
		{[]string{"-q", "TOTBYTS>1000 && CLNIP==203.0.113.0/24"}, hosts(of(func(t talk) bool { return t.client == "203.0.113.9" && t.sent[0]+t.received[0] > 1000 }))},
		{[]string{"-q", "ADDR==198.51.100.2"}, hosts(of(func(t talk) bool { return t.server == "198.51.100.2" }))}, // with those whom it talked to
		{[]string{"-q", "COUNTRY==??"}, hosts(of(func(t talk) bool { return countryOf(t.client) == "??" || countryOf(t.server) == "??" }))},
		{[]string{"-q", "ASN==0 && ADDR==2001:db8::/32"}, hosts(of(func(t talk) bool { return strings.Contains(t.client, ":") }))},
		{[]string{"-ef", "127.0.0.1#5"}, hosts(talks())},
		{[]string{"-ef", "127.0.0.1#4"}, ""},
		{[]string{"-e", "192.0.2.254"}, ""},
		{[]string{"-once"}, hosts(talks())},
		{[]string{"-n", "2"}, asCSV(expected("hosts", "b", "", talks())[1:3])},
	} {
		s.same(t, s.run("ns2hostsb", append(c.args, "-c")...), c.want, "ns2hostsb -c "+strings.Join(c.args, " "))
	}
	s.same(t, s.run("ftstat", "-c"), hosts(talks()), "ftstat")
	three := of(func(t talk) bool { return t.client == "203.0.113.9" })
	s.same(t, s.run("ftstat", "-c", "-grp", "client", "-cnt", "sessions", "-q", "CLNIP==203.0.113.0/24"),
		asCSV(slices.DeleteFunc(expected("hosts", "s", "", three), func(row []string) bool { return row[0] != "203.0.113.9" })), "ftstat of the clients of a network")
	s.same(t, s.run("ftstat", "-c", "-grp", "PAIR", "-cnt", "unique", "ports", "-n", "5"), asCSV(expected("pairs", "up", "", talks())[1:6]), "ftstat of pairs by unique ports")
	s.same(t, s.run("ftstat", "-c", "-grp", "country", "-cnt", "sessions", "-rcv"), asCSV(expected("countrys", "s", "-rcv", talks())[1:]), "ftstat of countries by sessions accepted")
	s.same(t, s.run("ftstat", "-c", "-grp", "exporter", "-cnt", "unique", "hosts"), "127.0.0.1,4,"+strings.Join(s.exporterCells(), ",")+"\n", "ftstat of exporters")
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
		end := s.base.Add(one.after + one.lasts).In(s.zone).Format("01/02/2006 15:04:05.000000")
		flags, proto := "APSF", "TCP"
		if one.proto == 17 {
			flags, proto = "", "UDP"
		}
		rows = append(rows, []string{one.client, countryOf(one.client), fmt.Sprint(systemOf(one.client)), "", fmt.Sprint(one.cport), fmt.Sprint(one.sent[1]), fmt.Sprint(one.sent[0]), flags,
			one.server, countryOf(one.server), fmt.Sprint(systemOf(one.server)), "", fmt.Sprint(one.sport), fmt.Sprint(one.received[1]), fmt.Sprint(one.received[0]), flags, proto, "", at, end, "127.0.0.1"})
	}
	return rows
}

func (s *flowtraqSite) sessions(t *testing.T) {
	rows := s.sessionRows()
	s.same(t, s.run("ns2sq", "-c+"), asCSV(rows), "ns2sq -c+")
	s.same(t, s.run("ftsq", "-c", "-n", "2"), asCSV(rows[1:3]), "ftsq -c -n 2")
	s.same(t, s.run("ftsq", "-c", "-q", "PROTO==UDP"), asCSV(rows[5:6]), "ftsq of UDP")
	if got := s.run("ns2sq", "-n", "1"); !strings.HasSuffix(got, "\n\nTotal sessions: 9\nTotal packets: 310\nTotal bytes: 118701\n") || strings.Count(got, "\n") != 6 {
		t.Errorf("ns2sq -n 1 prints\n%s", got)
	}
}

// strangers: who shows a wrong password, or asks where no tocsin is, gets an error, no line, and no secret back.
func (s *flowtraqSite) strangers(t *testing.T) {
	t.Helper()
	nobody := freePort(t, "tcp")
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	go func() {
		for {
			c, err := other.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "\x1b[31m220 mail.example.com\r\n\r\n")
			_ = c.Close()
		}
	}()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"-s", s.host, "-un", "boss", "-up", "hunter2"}, 1, "name and password, or token, are not right"},
		{[]string{"-s", s.host, "-un", "nobody", "-up", "hunter2"}, 1, "name and password, or token, are not right"},
		{[]string{"-s", nobody, "-un", "boss", "-up", "hunter2"}, 1, "does it run"},
		{[]string{"-s", other.Addr().String(), "-un", "boss", "-up", "hunter2"}, 1, "ask tocsin at"},
		{[]string{"-s", s.host, "-un", "boss", "-up", "hunter2", "-tn", "yesterday"}, 2, "want a length of time"},
		{[]string{"-s", s.host, "-un", "boss", "-up", "hunter2", "-up", "hunter2"}, 2, "-up is given twice"},
		{[]string{"-s", s.host, "-un", "boss", "-up", "hunter2", "-upf", "key"}, 2, "want -up or -upf, not both"},
		{[]string{"-s", s.host, "-un", "boss"}, 2, "want the password of boss"},
	} {
		cmd := exec.Command(filepath.Join(s.tools, "ns2hostsb"), c.args...)
		cmd.Env = []string{childVar + "=1", atOnce, "HOME=/nowhere"}
		var out, said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &said
		_ = cmd.Run() // its exit code is looked at
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(said.String(), c.says) || out.Len() > 0 || strings.Contains(said.String(), "hunter2") || strings.Contains(said.String(), "\x1b") {
			t.Errorf("ns2hostsb %s: exit code %d, printed %q, said %q; want %d about %q", c.args, code, &out, &said, c.code, c.says)
		}
	}
}

// management: accounts, names and groups by FlowTraq's tools, and what an account with a filter sees.
func (s *flowtraqSite) management(t *testing.T) {
	refused := func(want, tool string, args ...string) {
		t.Helper()
		cmd := exec.Command(filepath.Join(s.tools, tool), append([]string{"-s", s.host, "-un", "boss", "-upf", s.key}, args...)...)
		cmd.Env = []string{childVar + "=1", atOnce, "HOME=/nowhere"}
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
	seen := slices.DeleteFunc(talks(), func(one talk) bool { return one.proto != 17 })
	for tool, want := range map[string]string{"ns2sq": asCSV(s.sessionRows()[5:6]), "ns2hostsb": asCSV(expected("hosts", "b", "", seen)[1:]), "ns2countryss": asCSV(expected("countrys", "s", "", seen)[1:])} {
		bob := exec.Command(filepath.Join(s.tools, tool), "-s", s.host, "-un", "bob", "-upf", s.key, "-c", "-q", "PORT!=1")
		bob.Env = []string{childVar + "=1", atOnce, "HOME=/nowhere"}
		s.same(t, output(t, bob), want, tool+" of a user who may see UDP alone")
	}
	s.strangers(t)
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
