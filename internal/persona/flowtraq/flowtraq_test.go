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
	if len(names) != 20 || len(slices.Compact(slices.Sorted(slices.Values(names)))) != 20 {
		t.Errorf("Names() = %v, want 18 rankings, ns2sq and ns2um", names)
	}
	for name, want := range map[string]bool{"ns2hostsb": true, "ns2countrysuh": true, "ns2pairsup": true, "ns2portsuh": true, "ns2sq": true, "ns2um": true,
		"ns2portsup": false, "ns2pairsuh": false} {
		if slices.Contains(names, name) != want {
			t.Errorf("Names() has %s: %v, want %v", name, !want, want)
		}
	}
}

func TestBefore(t *testing.T) {
	now := time.Date(2024, 3, 31, 12, 0, 0, 0, time.UTC)
	for spec, want := range map[string]string{
		"-3m": "2024-03-31 11:57:00", "1m": "2024-03-31 11:59:00", "1h": "2024-03-31 11:00:00", "1h30m": "2024-03-31 10:30:00",
		"-90s": "2024-03-31 11:58:30", "2d": "2024-03-29 12:00:00", "1w": "2024-03-24 12:00:00", "1Y": "2023-03-31 12:00:00",
		"2M": "2024-01-31 12:00:00", "1Y2M3w4d5h6m7s": "2023-01-06 06:53:53", "0s": "2024-03-31 12:00:00", "-30m1h": "2024-03-31 10:30:00",
	} {
		got, err := before(spec, now)
		if err != nil || got.Format(time.DateTime) != want {
			t.Errorf("before(%q) = %s, %v, want %s", spec, got.Format(time.DateTime), err, want)
		}
	}
	for _, spec := range []string{"", "-", "--3m", "3", "m", "3x", "3m-1m", "3 m", "+3m", "1e3s", "3.5m", "99999999999999999999m", "1000Y", "1000001s", "3M\n", "３m", "3m\x00"} {
		if got, err := before(spec, now); err == nil {
			t.Errorf("before(%q) = %s, want an error", spec, got)
		}
	}
}

func FuzzBefore(f *testing.F) {
	f.Add("-1h30m")
	f.Add("1Y2M3w4d5h6m7s")
	now := time.Date(2024, 3, 31, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, spec string) {
		at, err := before(spec, now)
		if err == nil && (at.After(now) || at.Year() < 1678) {
			t.Errorf("before(%q) = %s", spec, at)
		}
	})
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
	for _, c := range []struct {
		args, env string
		want      Server
	}{
		{"-al", "", Server{}},
		{"-al -au bob -at 3m", "", Server{}},
		{"-al -s h -un u -up p", "", Server{"http://h:9640", "u", "p"}},
		{"-al -un u -up p", "", Server{"http://localhost:9640", "u", "p"}},
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
		q, err := parse("ns2hostsb", strings.Fields(c.args))
		if err != nil {
			t.Fatal(err)
		}
		got, err := q.server("ns2hostsb", func(name string) string { return env[name] })
		if err != nil || got != c.want {
			t.Errorf("%s with %q: got %+v, %v, want %+v", c.args, c.env, got, err, c.want)
		}
	}
}

// What is wrong is said without the password.
func TestMisuse(t *testing.T) {
	dir := t.TempDir()
	open, empty := filepath.Join(dir, "open"), filepath.Join(dir, "empty")
	if err := errors.Join(os.WriteFile(open, []byte("hunter2\n"), 0o644), os.WriteFile(empty, []byte("\nhunter2\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"-al -al":                          "-al is given twice",
		"-al -up hunter2 -up hunter2":      "-up is given twice",
		"-al -at":                          "-at: want a value",
		"-al -upf x -up hunter2":           "want -up or -upf, not both",
		"-al stray":                        `argument "stray" belongs to no option`,
		"-al --at 3m":                      `"--at" is no option`,
		"-al -q ADDR==192.0.2.1":           "-q asks for flows",
		"-al -tn -1h":                      "-tn asks for flows",
		"-al -s h":                         "want -un with the name of an account",
		"-al -s h -un u":                   "want the password of u",
		"-al -s h/x -un u -up hunter2":     "want a host name",
		"-al -s h -un u -upf " + open:      "others may read it (chmod 600 it)",
		"-al -s h -un u -upf " + empty:     "its first line is empty",
		"-al -s h -un u -upf " + dir + "/": "-upf",
		"-al -at 3x":                       "want a length of time",
	} {
		err := Run(t.Context(), Options{Env: func(string) string { return "" }, Now: time.Now}, "ns2hostsb", strings.Fields(args))
		if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("ns2hostsb %s: got %v, want a fault.Invalid about %q", args, err, want)
		}
	}
	for name, want := range map[string]string{"ns2hostsb": "rankings of flows need flow sources", "ns2sq": "sessions need flow sources", "ns2um": "tocsin users"} {
		if err := Run(t.Context(), Options{Env: func(string) string { return "" }, Now: time.Now}, name, nil); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want a fault.Invalid about %q", name, err, want)
		}
	}
}
