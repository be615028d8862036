package pack_test

import (
	"strings"
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/detector/absence"
	"tocsin/internal/detector/deviation"
	"tocsin/internal/detector/novelty"
	"tocsin/internal/detector/threshold"
	"tocsin/internal/document"
	"tocsin/internal/pack"
	"tocsin/internal/rule"
)

func detectors() detector.Set {
	return detector.Set{"absence": absence.Default, "deviation": deviation.Default, "novelty": novelty.Default, "threshold": threshold.Default}
}

// Every rule of every pack says what it is, and shows at least one log that it rings for and one that it does not.
func TestRulesAreExplainedAndShown(t *testing.T) {
	names := map[string]string{}
	for _, p := range pack.All() {
		if p.Title == "" || strings.HasPrefix(p.Title, "rules") {
			t.Errorf("pack %s: no title in the first line", p.Name)
		}
		rules, err := p.Rules(detectors())
		if err != nil {
			t.Errorf("pack %s: %v", p.Name, err)
		}
		for _, r := range rules {
			if other, twice := names[r.Name]; twice {
				t.Errorf("rule %s is in the packs %s and %s", r.Name, other, p.Name)
			}
			names[r.Name] = p.Name
			if r.Title == r.Name || len(r.Description) < 150 {
				t.Errorf("rule %s: title %q and a description of %d bytes, want both, and 150 at least", r.Name, r.Title, len(r.Description))
			}
			for _, word := range []string{"False alarm"} {
				if !strings.Contains(r.Description, word) && !strings.Contains(r.Description, "`idle`") && !strings.Contains(r.Description, "Tune") {
					t.Errorf("rule %s: the description names neither false alarms nor what to tune", r.Name)
				}
			}
			rings, silent := 0, 0
			for _, s := range r.Samples {
				if len(s.Expect) > 0 {
					rings++
				} else {
					silent++
				}
			}
			if rings == 0 || silent == 0 {
				t.Errorf("rule %s: %d samples that ring and %d that do not, want one of each at least", r.Name, rings, silent)
			}
		}
	}
}

// enabled reads a configuration that holds nothing but packs.
func enabled(t *testing.T, text string) ([]rule.Rule, error) {
	t.Helper()
	root, err := document.Parse("tocsin.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	packs, _ := root.Get("packs")
	return pack.Enabled(packs, detectors())
}

func TestEnabled(t *testing.T) {
	if list, err := enabled(t, "packs:"); err != nil || len(list) != 0 {
		t.Errorf("no packs: got %d rules, %v", len(list), err)
	}
	ssh, _ := pack.Find("ssh")
	all, err := ssh.Rules(detectors())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"packs: [ssh]", "packs: {ssh: }", "packs: {ssh: {}}"} {
		list, err := enabled(t, text)
		if err != nil || len(list) != len(all) {
			t.Errorf("%s: got %d rules, %v; want %d", text, len(list), err, len(all))
		}
		for i := range list {
			if list[i].Fingerprint() != all[i].Fingerprint() || list[i].File != "pack ssh" || !list[i].Enabled {
				t.Errorf("%s: rule %s of %s is not the one that ships", text, list[i].Name, list[i].File)
			}
		}
	}
	list, err := enabled(t, `packs:
  ssh:
    disable: [ssh-probe]
    except: source.ip in cidr("10.0.0.0/8")
    rules:
      ssh-guessing: {severity: HIGH, detect: {at_least: 20}}
`)
	if err != nil || len(list) != len(all)-1 {
		t.Fatalf("got %d rules, %v; want %d", len(list), err, len(all)-1)
	}
	for _, r := range list {
		if !strings.Contains(r.WhereText(), "10.0.0.0/8") || r.Name == "ssh-probe" {
			t.Errorf("rule %s looks at %s, want the exception in it", r.Name, r.WhereText())
		}
		if r.Name == "ssh-guessing" && (r.Severity != alert.High || !strings.Contains(r.Detect, "at_least: 20")) {
			t.Errorf("the tuned rule is %s, %s", r.Severity, r.Detect)
		}
	}
}

// Every mistake in the choice of packs is told with its place.
func TestEnabledMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"packs: web":                              "packs: got something else",
		"packs: [wbe]":                            `packs[0]: got "wbe", want each once, of app, cloudtrail, flow, ssh, web`,
		"packs: [ssh, ssh]":                       `packs[1]: got "ssh"`,
		"packs: {wbe: {}}":                        `got "wbe"`,
		"packs: {web: {disabel: [x]}}":            "disabel: is not known here (did you mean disable?)",
		"packs: {web: {disable: [web-scaner]}}":   `got "web-scaner", want names of rules of the pack`,
		"packs: {web: {rules: {web-scaner: {}}}}": `got "web-scaner"`,
		"packs: {web: {except: source.pi == 1}}":  "tocsin.yaml:1: packs.web.except",
		"packs: {web: {rules: {web-scanner: {detect: {at_lest: 1}}}}}": "tocsin.yaml:1: packs.web.rules.web-scanner.detect.at_lest",
	} {
		list, err := enabled(t, text)
		if err == nil || !strings.Contains(err.Error(), want) || len(list) != 0 {
			t.Errorf("%s: got %d rules and %v, want %q", text, len(list), err, want)
		}
	}
}
