package define

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/filter"
)

// sample is a definition that has a meaning.
func sample() Definition {
	return Definition{Title: "SSH scan", Where: "flowtraq:SRVPORT == 22", Metric: "unique hosts", Entity: "host", Limit: 100, Over: time.Hour, Severity: alert.High}
}

// Every combination of the blanks either is refused, as those three are that are always the same, or makes a rule that is read as the same
// definition again.
func TestEveryCombination(t *testing.T) {
	made, refused := 0, 0
	random := rand.New(rand.NewPCG(1, 2))
	wheres := []string{"", "flowtraq:SRVPORT == 22", "flowtraq: CLNIP == 10.0.0.0/8 || SRVPORT == 80", `source.ip == "192.0.2.1" or destination.port == 22`, "!flow.repeated"}
	titles := []string{"SSH scan", "ß: \"quoted\" # no comment", "'", "true", "- a", "{x}", "日本"}
	for _, metric := range Metrics() {
		for _, entity := range Entities() {
			for _, below := range []bool{false, true} {
				for _, over := range append(Intervals(), ShortestInterval, LongestInterval, 90*time.Second, time.Duration(1+random.IntN(1440))*time.Minute) {
					d := Definition{Title: titles[random.IntN(len(titles))], Description: "line one\nline: two\t\"x\"", Where: wheres[random.IntN(len(wheres))], Once: random.IntN(2) == 0,
						Metric: metric, Entity: entity, Below: below, Limit: float64(1 + random.IntN(100_000)), Over: over, Severity: alert.Severity(1 + random.IntN(5))}
					r, err := d.Rule()
					senseless := metric == "unique hosts" && entity == "host pair" || metric == "unique ports" && entity == "port" || metric == "sessions initiated" && entity == "port"
					if (err != nil) != senseless {
						t.Fatalf("%+v: %v, want refused %v", d, err, senseless)
					}
					if senseless {
						refused++
						continue
					}
					made++
					back, ok := of(&r)
					want := d
					want.Name, want.Where = d.RuleName(), spelled(t, d.Where)
					if d.Where == "!flow.repeated" {
						want.Where, want.Once = "", true // it says the same
						if d.Once {
							back.Where = "" // said twice
						}
					}
					back.Where = spelled(t, back.Where)
					if !ok || back != want {
						t.Fatalf("%+v makes\n%swhich is read as %+v, %v", want, r.Text, back, ok)
					}
					read, ok := Read(r.Text)
					if again, err := read.Rule(); !ok || err != nil || again.Text != r.Text || read.Once != want.Once {
						t.Fatalf("the text\n%sis read as %+v, %v, which makes\n%s%v", r.Text, read, ok, again.Text, err)
					}
				}
			}
		}
	}
	if made < 800 || refused < 30 {
		t.Errorf("%d made, %d refused: not all was tried", made, refused)
	}
}

// spelled writes a filter as tocsin does.
func spelled(t *testing.T, where string) string {
	t.Helper()
	if where == "" {
		return ""
	}
	x, err := filter.ParseNaming(where)
	if err != nil {
		t.Fatal(err)
	}
	return x.String()
}

// What a definition cannot say is not read as one: to keep the definition would lose it.
func TestReadLosesNothing(t *testing.T) {
	d := sample()
	r, err := d.Rule()
	if err != nil {
		t.Fatal(err)
	}
	if read, ok := Read(strings.TrimSpace(r.Text)); !ok || read.Where != d.Where || read.Title != d.Title || read.Limit != d.Limit {
		t.Errorf("its own text is read as %+v, %v", read, ok)
	}
	for name, text := range map[string]string{
		"nothing":          "",
		"no rule":          "- x",
		"two rules":        r.Text + "---\n" + r.Text,
		"comment":          r.Text + "# ask Ann first\n",
		"comment in it":    strings.Replace(r.Text, "from: flow", "from: flow # alone", 1),
		"end_after":        strings.Replace(r.Text, "above: 100", "above: 100, end_after: 5m", 1),
		"memory":           strings.Replace(r.Text, "above: 100", "above: 100, memory: 64", 1),
		"silent_after":     strings.Replace(r.Text, "above: 100", "above: 100, silent_after: 5m", 1),
		"at least":         strings.Replace(r.Text, "above: 100", "at_least: 100", 1),
		"another field":    strings.Replace(r.Text, "[flow.host]", "[source.ip]", 1),
		"another kind":     strings.Replace(r.Text, "from: flow", "from: log", 1),
		"another detector": strings.Replace(r.Text, "{threshold: {metric: distinct(flow.target), by: [flow.host], over: 1h, above: 100}}", "{absence: {by: [flow.host], idle: 1h}}", 1),
		"disabled":         r.Text + "enabled: false\n",
		"references":       r.Text + "references: [https://example.org/]\n",
	} {
		if read, ok := Read(text); ok {
			t.Errorf("%s is read as %+v", name, read)
		}
	}
}

func TestRuleText(t *testing.T) {
	d := sample()
	d.Description = "Somebody looks for servers."
	r, err := d.Rule()
	if err != nil {
		t.Fatal(err)
	}
	want := `name: "ssh-scan"
title: "SSH scan"
description: "Somebody looks for servers."
from: flow
where: "flowtraq:SRVPORT == 22"
detect: {threshold: {metric: distinct(flow.target), by: [flow.host], over: 1h, above: 100}}
severity: HIGH
`
	if r.Text != want {
		t.Errorf("got\n%swant\n%s", r.Text, want)
	}
	for _, c := range []struct {
		where string
		once  bool
		which string
	}{
		{"", false, ""}, {"", true, ", of flows counted once,"}, {" flowtraq:SRVPORT == 22", false, ", of the flows that pass flowtraq:SRVPORT == 22,"},
		{"flowtraq:SRVPORT == 22", true, ", of the flows that pass flowtraq:SRVPORT == 22 counted once,"},
	} {
		d.Where, d.Once = c.where, c.once
		if got, want := d.Sentence(), "When the unique hosts of one host"+c.which+" are above 100 within 1h, raise a HIGH alert."; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Definition)
		want   string
	}{
		"no title":       {func(d *Definition) { d.Title = " " }, "title: got none"},
		"two lines":      {func(d *Definition) { d.Title = "a\nb" }, "one line of 200 bytes"},
		"long title":     {func(d *Definition) { d.Title = strings.Repeat("x", 300) }, "one line of 200 bytes"},
		"endless title":  {func(d *Definition) { d.Title = strings.Repeat("x", 1<<20) }, "longer than 128 KiB"},
		"no UTF-8":       {func(d *Definition) { d.Where = "\xff" }, "no UTF-8"},
		"zero byte":      {func(d *Definition) { d.Description = "a\x00b" }, "no UTF-8"},
		"bad filter":     {func(d *Definition) { d.Where = "flowtraq:SRVPORT = 22" }, "filter"},
		"filter of Once": {func(d *Definition) { d.Where, d.Once = "x ==", true }, "filter"},
		"bad name":       {func(d *Definition) { d.Name = "a b" }, "a name of letters"},
		"own name":       {func(d *Definition) { d.Name = "tocsin-x" }, "another beginning"},
		"metric":         {func(d *Definition) { d.Metric = "flows" }, `metric "flows": want one of bytes sent`},
		"unspelled":      {func(d *Definition) { d.Metric = "Bytes" }, "want it spelled as"},
		"entity":         {func(d *Definition) { d.Entity = "network" }, `entity "network": want one of host, host pair, port, country`},
		"pair":           {func(d *Definition) { d.Entity = "host pair" }, "unique hosts of a host pair: they are always two"},
		"port":           {func(d *Definition) { d.Metric, d.Entity = "unique ports", "port" }, "unique ports of a port: it is always one"},
		"initiated":      {func(d *Definition) { d.Metric, d.Entity = "sessions initiated", "port" }, "sessions initiated of a port: the port is that of the server"},
		"fraction":       {func(d *Definition) { d.Limit = 1.5 }, "a whole one"},
		"negative":       {func(d *Definition) { d.Limit = -1 }, "a whole one"},
		"too much":       {func(d *Definition) { d.Metric, d.Limit = "bytes", 1e17 }, "a whole one"},
		"many hosts":     {func(d *Definition) { d.Limit = 100_001 }, "100k at most of unique hosts"},
		"below nothing":  {func(d *Definition) { d.Below, d.Limit = true, 0 }, "nothing is below 0"},
		"short":          {func(d *Definition) { d.Over = 59 * time.Second }, "want 1m to 24h"},
		"long":           {func(d *Definition) { d.Over = 25 * time.Hour }, "want 1m to 24h"},
		"odd":            {func(d *Definition) { d.Over = time.Minute + 1 }, "want 1m to 24h"},
		"severity":       {func(d *Definition) { d.Severity = 0 }, "severity: want INFO"},
	} {
		d := sample()
		c.change(&d)
		if r, err := d.Rule(); err == nil || !strings.Contains(err.Error(), c.want) || r.Text != "" {
			t.Errorf("%s: %q, %v, want an error with %q", name, r.Text, err, c.want)
		}
	}
}

func TestWords(t *testing.T) {
	for words, want := range map[string]string{"unique hosts": "unique hosts", " Unique  HOST ": "unique hosts", "BYTES Sent": "bytes sent", "bits": "bits", "bit": "", "": "", "sent bytes": ""} {
		if got, err := Metric(words); got != want || (err == nil) != (want != "") {
			t.Errorf("Metric(%q) = %q, %v, want %q", words, got, err, want)
		}
	}
	for words, want := range map[string]string{"host": "host", "Address": "host", "PAIR": "host pair", "Host  Pair": "host pair", "port": "port", "countries": "country", "": "", "as": ""} {
		if got, err := Entity(words); got != want || (err == nil) != (want != "") {
			t.Errorf("Entity(%q) = %q, %v, want %q", words, got, err, want)
		}
	}
	if _, err := Metric(strings.Repeat("x", 10_000)); len(err.Error()) > 500 {
		t.Errorf("a long word is told in %d bytes", len(err.Error()))
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]float64{"0": 0, "100": 100, "250k": 250e3, "250K": 250e3, "20M": 20e6, "1.5G": 1.5e9, "1.001k": 1001, "2T": 2e12, " 7 ": 7, "0.5k": 500} {
		if got, err := ParseNumber(text); err != nil || got != want {
			t.Errorf("ParseNumber(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "k", "1.5", "-1", "+1", "1e3", "1m", "1kk", "1 k ", "0x10", "NaN", "Inf", "1.2.3", ".5k", "1.0001k", "99999999999T", "10000T", "1_000", "٣", strings.Repeat("9", 400)} {
		if got, err := ParseNumber(text); err == nil {
			t.Errorf("ParseNumber(%q) = %v, want an error", text, got)
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 100_000 {
		v := float64(random.Int64N(int64(1) << (1 + random.IntN(53))))
		if got, err := ParseNumber(Number(v)); err != nil || got != v {
			t.Fatalf("Number(%v) = %q, which is read as %v, %v", v, Number(v), got, err)
		}
	}
	for v, want := range map[float64]string{100: "100", 1000: "1k", 1500: "1.5k", 1234: "1234", 100_000: "100k", 1.5e9: "1.5G", 1_230_000: "1.23M", 1_234_567: "1234567"} {
		if got := Number(v); got != want {
			t.Errorf("Number(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestRuleName(t *testing.T) {
	for title, want := range map[string]string{"SSH scan": "ssh-scan", "  A -- B!! ": "a-b", "日本": "flow-alert", strings.Repeat("ab ", 100): strings.TrimSuffix(strings.Repeat("ab-", 22)[:64], "-")} {
		d := Definition{Title: title}
		if got := d.RuleName(); got != want || len(got) > 64 {
			t.Errorf("%q is named %q, want %q", title, got, want)
		}
	}
}
