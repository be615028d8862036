package enrich_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/enrich"
	"tocsin/internal/enrich/enrichtest"
	"tocsin/internal/event"
)

func TestBrokenFiles(t *testing.T) {
	whole := cities.Encode()
	for name, test := range map[string]struct {
		text []byte
		want string
	}{
		"empty":          {nil, "it is empty"},
		"another file":   {bytes.Repeat([]byte("hello\n"), 1000), "MaxMind DB"},
		"the first half": {whole[:len(whole)/2], "MaxMind DB"},
		"all but a byte": {whole[:len(whole)-1], "MaxMind DB"},
		"knows something else": {enrichtest.Database{Type: "GeoIP2-Anonymous-IP", Of: map[string]map[string]any{"192.0.2.0/24": {"is_anonymous": uint16(1)}}}.Encode(),
			`of the type "GeoIP2-Anonymous-IP" and knows no country`},
		"knows nothing": {enrichtest.Database{Type: "x", Of: nil}.Encode(), "knows no country"},
	} {
		path := filepath.Join(t.TempDir(), "broken.mmdb")
		if err := os.WriteFile(path, test.text, 0o600); err != nil {
			t.Fatal(err)
		}
		err := enrich.Check([]string{path})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q and the path", name, err, test.want)
		}
	}
	dir := t.TempDir()
	err := enrich.Check([]string{dir, filepath.Join(dir, "none.mmdb"), enrichtest.File(t, "good.mmdb", cities)})
	if err == nil || strings.Count(err.Error(), "\n") != 1 || !strings.Contains(err.Error(), "it is no file") || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("two of three are broken: %v", err)
	}
}

// A file with any bit flipped, or cut anywhere, is refused or read as far as it goes: nothing panics, and every batch comes out.
func TestDamage(t *testing.T) {
	whole := systems.Encode()
	b := rows(t, event.Flow, []string{"source.ip", "192.0.2.7", "destination.ip", "203.0.113.9"}, []string{"source.ip", "2001:db8::1", "destination.ip", "10.0.0.1"})
	path := filepath.Join(t.TempDir(), "damaged.mmdb")
	opened := 0
	try := func(what string, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := enrich.New([]string{path}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		if err != nil {
			return
		}
		opened++
		out := e.Batch(b)
		if out.Rows != b.Rows || len(out.Append(nil)) == 0 {
			t.Errorf("%s: %d rows", what, out.Rows)
		}
		for row := range out.Rows { // what is shown to people stays such
			if text := out.AppendJSON(nil, row); !json.Valid(text) {
				t.Errorf("%s: %q", what, text)
			}
		}
	}
	for i := range whole {
		text := bytes.Clone(whole)
		text[i] ^= 1 << (i % 8)
		try(fmt.Sprint("byte ", i), text)
		if i%8 == 0 {
			try(fmt.Sprint("cut at ", i), whole[:i])
		}
	}
	if opened < 20 {
		t.Errorf("%d damaged files could be opened, too few to say anything", opened)
	}
}

// FuzzDatabase: whatever the file holds, opening it and looking into it ends, without a panic.
func FuzzDatabase(f *testing.F) {
	for _, d := range []enrichtest.Database{cities, systems, {Version4: true, Bits: 32, Of: map[string]map[string]any{"192.0.2.0/24": {"country": "DE"}}}} {
		f.Add(d.Encode())
	}
	path := filepath.Join(f.TempDir(), "fuzz.mmdb")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := enrich.New([]string{path}, slog.New(slog.DiscardHandler), nil)
		if err != nil {
			return
		}
		for _, a := range []string{"192.0.2.7", "2001:db8::1", "::", "255.255.255.255"} {
			if got := e.Look(netip.MustParseAddr(a)); len(got.City) > 200 || len(got.Country) != 0 && len(got.Country) != 2 {
				t.Errorf("Look(%s) = %+v", a, got)
			}
		}
	})
}
