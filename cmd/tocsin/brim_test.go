//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A disk without a floor is filled until the engine itself meets its end: what was accepted stays, more is refused with a
// reason, the daemon lives, takes events again by itself when there is room, and has lost nothing after a restart.
func TestDiskFilledToTheBrim(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=48m"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("mount a small file system: %v", err)
		}
		t.Skipf("a small file system cannot be mounted (%v): run as root to test the full disk", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Errorf("unmount %s: %v", disk, err)
		}
	})
	other := filepath.Join(disk, "other")
	write(t, other, strings.Repeat("x", 24<<20), 0o600)
	config := filepath.Join(t.TempDir(), "tocsin.yaml")
	write(t, config, quietConfig, 0o600) // no floor, so that the disk is really met
	d := start(t, filepath.Join(disk, "data"), config, "")
	acked, unknown := map[string]bool{}, map[string]bool{}
	send := func(n int) (int, string) {
		ids := []string{fmt.Sprintf("d%d-0", n), fmt.Sprintf("d%d-1", n)}
		var body bytes.Buffer
		for _, id := range ids {
			fmt.Fprintf(&body, `{"@timestamp":"2020-11-01T10:00:00Z","event.id":%q,"message":%q}`+"\n", id, noiseText(n, 60_000))
		}
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://tocsin/api/v1/events", &body)
		if err != nil {
			t.Fatal(err)
		}
		res, err := d.http.Do(r)
		if err != nil {
			for _, id := range ids {
				unknown[id] = true
			}
			return 0, err.Error()
		}
		defer res.Body.Close()
		var p struct{ Kind, Detail string }
		_ = json.NewDecoder(res.Body).Decode(&p) // an answer without them says nothing
		for _, id := range ids {
			if res.StatusCode == http.StatusOK {
				acked[id] = true
			} else {
				unknown[id] = true
			}
		}
		return res.StatusCode, p.Kind + ": " + p.Detail
	}
	n := 0
	status, detail := http.StatusOK, ""
	for ; n < 2000 && status == http.StatusOK; n++ {
		status, detail = send(n)
	}
	if status != http.StatusInsufficientStorage || !strings.HasPrefix(detail, "full: ") {
		t.Fatalf("event %d on a full disk: status %d, %q; want 507 and why\n%s", n, status, detail, d.said)
	}
	if !d.alive() {
		t.Fatalf("tocsin has ended\n%s", d.said)
	}
	if text, _ := d.mustGet("/healthz"); text != "ok\n" {
		t.Errorf("healthz on a full disk: %q", text)
	}
	d.eventually(fmt.Sprintf("%d events that were accepted are found on the full disk", len(acked)), func() bool { return containsOnce(d.events(), acked) })
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	d.eventually("events are taken again", func() bool {
		n++
		status, _ := send(n)
		return status == http.StatusOK
	})
	d.eventually("it is ready again", func() bool { return d.try("GET", "/readyz", nil) == nil })
	d.eventually(fmt.Sprintf("%d events that were accepted are found after room was made", len(acked)), func() bool { return containsOnce(d.events(), acked) })
	d.stop()
	d = start(t, d.dir, config, "")
	d.ask("POST", "/api/v1/flush", nil)
	got := d.events()
	if !containsOnce(got, acked) {
		t.Errorf("after a restart not all of %d accepted events are found", len(acked))
	}
	for id, times := range got {
		if times != 1 || !acked[id] && !unknown[id] {
			t.Errorf("%s is there %d times", id, times)
		}
	}
	d.stop()
}

// containsOnce reports whether the history holds each of the ids, once.
func containsOnce(got map[string]int, ids map[string]bool) bool {
	for id := range ids {
		if got[id] != 1 {
			return false
		}
	}
	return true
}

// noiseText is text that does not pack well, another for each seed.
func noiseText(seed, n int) string {
	b := make([]byte, n)
	x := uint32(seed)*2654435761 | 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"[x>>26]
	}
	return string(b)
}
