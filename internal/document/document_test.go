package document_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/document"
	"tocsin/internal/fault"
)

// settings has one field of every form.
type settings struct {
	Name     string                   `yaml:"name"`
	On       bool                     `yaml:"on"`
	Count    int                      `yaml:"count"`
	Port     uint16                   `yaml:"port"`
	Small    int8                     `yaml:"small"`
	Ratio    float64                  `yaml:"ratio"`
	Over     time.Duration            `yaml:"over"`
	Room     document.Size            `yaml:"room"`
	Listen   netip.AddrPort           `yaml:"listen"`
	Severity alert.Severity           `yaml:"severity"`
	Tags     []string                 `yaml:"tags"`
	Keep     map[string]time.Duration `yaml:"keep"`
	Inner    inner                    `yaml:"inner"`
	Several  []inner                  `yaml:"several"`
	Named    map[string]inner         `yaml:"named"`
	Maybe    *inner                   `yaml:"maybe"`
	Password document.Secret          `yaml:"password"`
	Raw      document.Node            `yaml:"raw"`
	Common   `yaml:",inline"`
}

type inner struct {
	Over  time.Duration `yaml:"over"`
	Above float64       `yaml:"above"`
	By    []string      `yaml:"by"`
}

func (i inner) Validate() error {
	var errs []error
	if i.Over < time.Second {
		errs = append(errs, document.At("over", i.Over, "1s or more"))
	}
	for n, by := range i.By {
		if by == "" {
			errs = append(errs, document.At(fmt.Sprintf("by[%d]", n), by, "a field"))
		}
	}
	return errors.Join(errs...)
}

type Common struct {
	Zone string `yaml:"zone"`
}

// Validate words its error as packages do that know nothing of documents.
func (c Common) Validate() error {
	if c.Zone == "nowhere" {
		return fmt.Errorf("zone: got %q, want an IANA zone", c.Zone)
	}
	return nil
}

func defaults() *settings {
	return &settings{
		Name: "default", Over: time.Minute, Inner: inner{Over: time.Hour, By: []string{"a"}},
		Keep: map[string]time.Duration{"log": time.Hour, "flow": time.Minute}, Tags: []string{"x"},
	}
}

func TestDecodeEveryForm(t *testing.T) {
	got := defaults()
	err := document.Decode("tocsin.yaml", []byte(`
name: 1.10
on: true
count: -0x10
port: 65535
small: -128
ratio: 1e3
over: 1d2h
room: 1.5 KiB
listen: "127.0.0.1:8400"
severity: high
tags: [no, "2"]
keep: {flow: 7d}
inner: {above: 3}
several:
  - over: 10m
  - &b {over: 2s, by: [x, y]}
named: {one: *b}
maybe: {over: 5s}
password: hunter2
raw: {any: [thing]}
zone: UTC
`), got)
	if err != nil {
		t.Fatal(err)
	}
	if got.Password.Reveal() != "hunter2" || got.Raw.String() != "{any: [thing]}" {
		t.Errorf("Decode: got password %q and raw %q", got.Password.Reveal(), got.Raw.String())
	}
	got.Password, got.Raw = document.Secret{}, document.Node{}
	b := inner{Over: 2 * time.Second, By: []string{"x", "y"}}
	want := &settings{
		Name: "1.10", On: true, Count: -16, Port: 65535, Small: -128, Ratio: 1000, Over: 26 * time.Hour, Room: 1536,
		Listen: netip.MustParseAddrPort("127.0.0.1:8400"), Severity: alert.High, Tags: []string{"no", "2"},
		Keep:  map[string]time.Duration{"log": time.Hour, "flow": 7 * 24 * time.Hour},
		Inner: inner{Over: time.Hour, Above: 3, By: []string{"a"}}, Several: []inner{{Over: 10 * time.Minute}, b},
		Named: map[string]inner{"one": b}, Maybe: &inner{Over: 5 * time.Second}, Common: Common{Zone: "UTC"},
	}
	compare := cmp.Options{
		cmp.Comparer(func(a, b document.Secret) bool { return a == b }),
		cmp.Comparer(func(a, b document.Node) bool { return a == b }),
		cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
	}
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Errorf("Decode: want - got +\n%s", diff)
	}
}

// mistakes decodes text and returns the first line of each mistake, without the name of the file.
func mistakes(t *testing.T, text string) []string {
	t.Helper()
	err := document.Decode("f", []byte(text), defaults())
	return lines(t, err)
}

func lines(t *testing.T, err error) (all []string) {
	t.Helper()
	if err == nil {
		return nil
	}
	if !errors.Is(err, fault.Invalid) {
		t.Errorf("Decode: %v is no fault.Invalid", err)
	}
	var ms document.Mistakes
	if !errors.As(err, &ms) {
		t.Fatalf("Decode: got a %T, want Mistakes", err)
	}
	for _, m := range ms {
		first, _, _ := strings.Cut(m.Error(), "\n")
		all = append(all, strings.TrimPrefix(first, "f:"))
	}
	return all
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", nil},
		{"comment only", "# nothing\n", nil},
		{"null sections keep defaults", "inner:\nseveral:\nkeep:\nmaybe:\nraw:\n", nil},
		{"unknown key", "nmae: x\n", []string{`1: nmae: is not known here (did you mean name?)`}},
		{"unknown deep", "several:\n- over: 1s\n  abov: 3\n", []string{`3: several[0].abov: is not known here (did you mean above?)`}},
		{"unknown, few known", "inner: {zzzzzzzzz: 1}\n", []string{`1: inner.zzzzzzzzz: is not known here; want over, above or by`}},
		{"twice", "name: a\nname: b\n", []string{`2: name: stands twice, first in line 1`}},
		{"kinds", "name: [a]\ntags: a\ninner: 3\nkeep: [1]\non: yes\ncount: 1.5\nport: 70000\nsmall: 128\nratio: .nan\nover: 30\nroom: -1\nseverity: severe\nlisten: here\n", []string{
			`1: name: got a list, want a text`,
			`2: tags: got "a", want a list`,
			`3: inner: got 3, want a mapping`,
			`4: keep: got a list, want a mapping`,
			`5: on: got "yes", want true or false`,
			`6: count: got "1.5", want a whole number`,
			`7: port: got 70000, want 65535 or less`,
			`8: small: got 128, want -128 to 127`,
			`9: ratio: got ".nan", want a number`,
			`10: over: got "30", want a duration with its unit, as in 30s, 10m, 1h30m or 7d`,
			`11: room: got "-1", want a size with its unit, as in 64KiB or 4GiB`,
			`12: severity: severity "severe": want INFO, LOW, MEDIUM, HIGH or CRITICAL`,
			`13: listen: not an ip:port`,
		}},
		{"nothing for a text", "name:\n", []string{`1: name: got nothing, want a text`}},
		{"validate", "several:\n- over: 0s\n- {by: [a, '']}\n", []string{
			`2: several[0].over: got 0s, want 1s or more`,
			`3: several[1].over: got 0s, want 1s or more`,
			`3: several[1].by[1]: got "", want a field`,
		}},
		{"validate below a map", "named: {x: {over: 1ms}}\n", []string{`1: named.x.over: got 1ms, want 1s or more`}},
		{"validate promoted from inline", "zone: nowhere\n", []string{`1: zone: got "nowhere", want an IANA zone`}},
		{"unreadable value is not judged too", "inner: {over: soon}\n", []string{`1: inner.over: got "soon", want a duration with its unit, as in 30s, 10m, 1h30m or 7d`}},
		{"syntax", "name: a\n\tcount: 3\n", []string{`2: while scanning a plain scalar: found a tab character that violates indentation (begun in line 1)`}},
		{"two documents", "name: a\n---\nname: b\n", []string{`2: a second document begins here; want one`}},
		{"root is a list", "- a\n", []string{`1: got a list, want a mapping`}},
		{"tag", "name: !!str a\n", []string{`1: name: tag !!str is not read; leave it out`}},
		{"merge key", "inner: &a {over: 1s}\nmaybe: {<<: *a}\n", []string{`2: maybe: merge key << is not read; write the settings out`}},
		{"key is a list", "? [a]\n: b\n", []string{`1: got a key that is no plain text, want one`}},
		{"alias inside itself", "raw: &a [*a]\n", []string{`1: raw[0]: alias *a stands inside what it names`}},
		{"no such alias", "raw: *b\n", []string{`1: unknown anchor 'b' referenced`}},
		{"not UTF-8", "name: a\ntags: [\xff]\n", []string{`2: byte 0xff is not UTF-8`}},
		{"secret twice", "password: a\npassword_file: b\n", []string{`2: password_file: stands beside password; want one of the two`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, mistakes(t, c.text)); diff != "" {
				t.Errorf("Decode(%q): want - got +\n%s", c.text, diff)
			}
		})
	}
}
