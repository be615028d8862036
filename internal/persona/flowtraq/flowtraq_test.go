package flowtraq

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/fault"
)

func TestNames(t *testing.T) {
	names := Names()
	if len(names) != 25 || len(slices.Compact(slices.Sorted(slices.Values(names)))) != 25 {
		t.Errorf("Names() = %v, want 18 rankings and seven others", names)
	}
	for name, want := range map[string]bool{"ns2hostsb": true, "ns2countrysuh": true, "ns2pairsup": true, "ns2portsuh": true, "ns2sq": true, "ns2um": true,
		"ftsq": true, "ftstat": true, "ftum": true, "ftname": true, "fttg": true, "ns2portsup": false, "ns2pairsuh": false} {
		if slices.Contains(names, name) != want {
			t.Errorf("Names() has %s: %v, want %v", name, !want, want)
		}
	}
	for _, name := range names {
		if Does(name) == "" || !strings.Contains(Usage(name), "-al") {
			t.Errorf("%s: %q, %s", name, Does(name), Usage(name))
		}
	}
}

func TestAddress(t *testing.T) {
	for _, c := range []struct{ host, port, want string }{
		{"flowtraq.example.com", "", "http://flowtraq.example.com:9640"},
		{"192.0.2.1", "9641", "http://192.0.2.1:9641"},
		{"2001:db8::1", "", "http://[2001:db8::1]:9640"},
		{"[2001:db8::1]", "7", "http://[2001:db8::1]:7"},
		{"[2001:db8::1]:99", "", "http://[2001:db8::1]:99"},
		{"host:99", "", "http://host:99"},
		{"https://tocsin.example.com", "", "https://tocsin.example.com"},
		{"http://h:1", "2", ""},
		{"user@host", "", ""}, {"host/x", "", ""}, {"host?x", "", ""}, {"a b", "", ""}, {"[]", "", ""},
		{"host", "http", ""}, {"host", "123456", ""}, {"host", "-1", ""}, {"host:x", "", ""},
	} {
		got, err := address("ns2hostsb", c.host, c.port)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("address(%q, %q) = %q, %v, want %q", c.host, c.port, got, err, c.want)
		}
	}
}

func TestServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("from a file\r\nsecond line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	hosts, _ := toolOf("ns2hostsb")
	for _, c := range []struct {
		args, env string
		want      Server
	}{
		{"-al", "", Server{}},
		{"", "", Server{}},
		{"-tn -1h -q PORT==22", "", Server{}},
		{"-al -au bob -at 3m", "", Server{}},
		{"-al -s h -un u -up p", "", Server{"http://h:9640", "u", "p"}},
		{"-un u -up p", "", Server{"http://localhost:9640", "u", "p"}},
		{"-al -p 1 -un u -up p", "", Server{"http://localhost:1", "u", "p"}},
		{"-al -s h -un u -upf " + file, "", Server{"http://h:9640", "u", "from a file"}},
		{"-al -s h -un u", "TOCSIN_PASSWORD=e", Server{"http://h:9640", "u", "e"}},
		{"-al", "TOCSIN_USER=eu TOCSIN_PASSWORD=e", Server{"http://localhost:9640", "eu", "e"}},
		{"-al -s h -un u -up p", "TOCSIN_USER=eu TOCSIN_PASSWORD=e TOCSIN_TOKEN=t", Server{"http://h:9640", "u", "p"}},
		{"-al -s h", "TOCSIN_TOKEN=t", Server{"http://h:9640", "", ""}},
		{"-al -s h -un u", "TOCSIN_TOKEN=t", Server{"http://h:9640", "u", ""}},
	} {
		env := map[string]string{}
		for _, entry := range strings.Fields(c.env) {
			name, value, _ := strings.Cut(entry, "=")
			env[name] = value
		}
		q, err := parse(hosts, strings.Fields(c.args))
		if err != nil {
			t.Fatal(err)
		}
		got, err := q.server(func(name string) string { return env[name] })
		if err != nil || got != c.want {
			t.Errorf("%s with %q: got %+v, %v, want %+v", c.args, c.env, got, err, c.want)
		}
	}
}

// What is wrong is said with the tool, the option and the remedy, without the password, and before anybody is asked.
func TestMisuse(t *testing.T) {
	dir := t.TempDir()
	open, empty := filepath.Join(dir, "open"), filepath.Join(dir, "empty")
	if err := errors.Join(os.WriteFile(open, []byte("hunter2\n"), 0o644), os.WriteFile(empty, []byte("\nhunter2\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ call, want string }{
		{"ns2hostsb -al -al", "-al is given twice"},
		{"ns2hostsb -al -up hunter2 -up hunter2", "-up is given twice"},
		{"ns2hostsb -al -at", "-at: want a value"},
		{"ns2hostsb -al -upf x -up hunter2", "want -up or -upf, not both"},
		{"ns2hostsb -al stray", `argument "stray" belongs to no option`},
		{"ns2hostsb -al --at 3m", `"--at" is no option`},
		{"ns2hostsb -al -q ADDR==192.0.2.1", "-q: has no meaning beside -al"},
		{"ns2hostsb -al -tn -1h", "-tn: has no meaning beside -al"},
		{"ns2hostsb -au bob", "-au: is for -al, which is missing"},
		{"ns2hostsb -us x", "say who asks by -un and -upf"},
		{"ns2hostsb -ul", "-ul is for other tools; want some of -s, -p"},
		{"ns2hostsb -grp ip", "-grp is for other tools"},
		{"ns2hostsb -snd -rcv", "want -snd or -rcv, not both"},
		{"ns2hostsb -c -c+", "want -c or -c+, not both"},
		{"ns2hostsuh -snd", "unique hosts are neither sent nor received"},
		{"ns2hostsb -tn 3x", "-tn \"3x\": want a length of time such as 3m"},
		{"ns2hostsb -tn 1h -te 11/21/26", "want -tn or -te, not both"},
		{"ns2hostsb -te 2026-11-21", "want MM/DD/YY hh:mm:ss.usec"},
		{"ns2hostsb -tl 13/13/26", "want MM/DD/YY hh:mm:ss.usec"},
		{"ns2hostsb -n 0", `-n "0": want a number from 1 to`},
		{"ns2hostsb -n ten", `-n "ten": want a number`},
		{"ns2hostsb -q SRVPORT=22", "ns2hostsb: "},
		{"ns2hostsb -e router", "want its address"},
		{"ns2hostsb -ei eth0", "want its SNMP index"},
		{"ns2hostsb -ef 192.0.2.254", "as 192.0.2.254#3"},
		{"ns2hostsb -ef 192.0.2.254#3 -e 192.0.2.254", "want -ef or -e, not both"},
		{"ns2hostsb -g graph.jpg", "ends with .tga, .png or .svg"},
		{"ns2hostsb -g a.png -gx 5", `-gx "5": want a number from 80 to 4096`},
		{"ns2hostsb -gx 500", "-gx: is for -g, which is missing"},
		{"ftsq -w", "-w is for other tools"},
		{"ftsq -snd", "-snd is for other tools"},
		{"ftstat -grp nonsense", "-grp \"nonsense\": want one of IP, PAIR"},
		{"ftstat -cnt unique", "-cnt \"unique\": want one of BYTES"},
		{"ftstat -grp port -cnt unique ports", "unique ports of a port: it is always one"},
		{"ns2um", "want one of -ul, -ua"},
		{"ns2um -ul -ua x", "want -ul or -ua, not both"},
		{"ftum -ul -npf x", "-npf: is for -ua and -uw"},
		{"ftum -ua bob -npf " + open, "others may read it (chmod 600 it)"},
		{"ftum -ug bob -uto x", "-uto: is for -ud"},
		{"ftname", "want one of -nl, -ns, -nd"},
		{"ftname -ns 192.0.2.7", "want -nn with the name"},
		{"ftname -nk tg -nl", "a traffic group has no name but its own"},
		{"fttg", "want one of -tgl"},
		{"fttg -tgs dmz", "want -tgm with its members"},
		{"ns2hostsb -al -s h", "want -un with the name of an account"},
		{"ns2hostsb -s h -un u", "want the password of u"},
		{"ns2hostsb -s h/x -un u -up hunter2", "want a host name"},
		{"ns2hostsb -s h -un u -upf " + open, "others may read it (chmod 600 it)"},
		{"ns2hostsb -s h -un u -upf " + empty, "its first line is empty"},
		{"ns2hostsb -s h -un u -upf " + dir + "/", "-upf"},
		{"ns2hostsb -al -at 3x", "want a length of time"},
		{"ns2portsup", "is none of FlowTraq's tools"},
	} {
		call := strings.Fields(c.call)
		err := Run(t.Context(), Options{Env: func(string) string { return "" }, Now: time.Now}, call[0], call[1:])
		if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), call[0]) && !strings.Contains(err.Error(), "-upf") && !strings.Contains(err.Error(), "-npf") ||
			strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want a fault.Invalid about %q", c.call, err, c.want)
		}
	}
}
