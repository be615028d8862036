package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Lines that are read again are there once, whenever the process that does it is killed.
func TestRetryUnderKills(t *testing.T) {
	t.Parallel()
	const lines = 20_000
	for _, crash := range []string{"after-publish-before-ack:1", "after-ack-before-return:2", "after-retry-before-settle:1", "after-retry-before-settle:3"} {
		t.Run(crash, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "app.json")
			var text strings.Builder
			for n := range lines {
				fmt.Fprintf(&text, `{"@timestamp":"2020-11-01T10:00:00Z","event.id":"r%d"}`+"\n", n)
			}
			write(t, file, text.String(), 0o600)
			config := filepath.Join(dir, "tocsin.yaml")
			write(t, config, quietConfig, 0o600)
			data := filepath.Join(dir, "data")
			if out, err := command(t, data, "", "ingest", "--config", config, "--format", "combined", file).CombinedOutput(); exitCode(t, err) != 1 {
				t.Fatalf("ingest: %v\n%s", err, out)
			}
			if out, err := command(t, data, crash, "quarantine", "retry", "--config", config, "--with", "jsonlines").CombinedOutput(); err == nil {
				t.Fatalf("it was to be killed\n%s", out)
			}
			if out, err := command(t, data, "", "quarantine", "retry", "--config", config, "--with", "jsonlines").CombinedOutput(); err != nil && !strings.Contains(string(out), "no rejected lines") { // all were in
				t.Fatalf("retry: %v\n%s", err, out)
			}
			found, err := command(t, data, "", "search", "--config", config, "--limit", "-1", "-o", "json", "--fields", "event.id").Output()
			if err != nil {
				t.Fatal(err)
			}
			count := map[string]int{}
			for line := range bytes.Lines(found) {
				var e struct {
					ID string `json:"event.id"`
				}
				if err := json.Unmarshal(line, &e); err != nil {
					t.Fatal(err)
				}
				count[e.ID]++
			}
			for n := range lines {
				if id := fmt.Sprintf("r%d", n); count[id] != 1 {
					t.Fatalf("%s is there %d times", id, count[id])
				}
			}
			if out, err := command(t, data, "", "quarantine", "list", "--config", config).CombinedOutput(); exitCode(t, err) != 1 || !strings.Contains(string(out), "no rejected lines") {
				t.Errorf("left are %v\n%s", err, out)
			}
		})
	}
}
