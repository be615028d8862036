package config

import (
	"errors"
	"os"
	"testing"

	"tocsin/internal/document"
)

// FuzzDecode holds that no file brings tocsin down, and that what is accepted is valid.
func FuzzDecode(f *testing.F) {
	sample, err := os.ReadFile("../../docs/reference/tocsin.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(sample), "TOCSIN_HTTP_LISTEN=:1")
	f.Add("sources: {files: [{name: a, paths: [b]}], syslog: []}\nnotify: {a: {via: x}}\n", "TOCSIN_RULE_FILES=[a, b]")
	f.Add("journal: {free_floor: 1.5GiB, url: nats://x}\nhistory: {retention: {log: 3w}}\n", "TOCSIN_HISTORY_RETENTION_LOG=off")
	f.Fuzz(func(t *testing.T, text, entry string) {
		c, _, err := decode("f", []byte(text), []string{entry})
		var ms document.Mistakes
		switch {
		case err == nil:
			if err := c.Validate(); err != nil {
				t.Errorf("decode took what is not valid: %v", err)
			}
			for _, s := range c.Sources.Syslog {
				if c.Address(s.UDP)+c.Address(s.TCP) == "" && s.UDP != off && s.TCP != off {
					t.Errorf("syslog source %q listens nowhere", s.Name)
				}
			}
		case !errors.As(err, &ms) || len(ms) == 0:
			t.Errorf("decode: got error %v of type %T, want Mistakes", err, err)
		}
	})
}
