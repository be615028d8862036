//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// On a full disk what was accepted stays, further events are refused with the way out, and the daemon lives; when there is
// room again it goes on by itself.
func TestFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a disk: skipped with -short")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=40m"); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	config := filepath.Join(t.TempDir(), "tocsin.yaml")
	write(t, config, "http: {listen: \"off\"}\nsources: {syslog: [], flows: []}\njournal: {free_floor: 8MiB}\n", 0o644)
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	d := start(t, data, config, "")
	r := rand.New(rand.NewPCG(1, 1))
	accepted, refused := 0, ""
	for n := 0; n < 200 && refused == ""; n++ { // several times what the disk holds
		var body bytes.Buffer
		for i := range 1000 {
			fmt.Fprintf(&body, `{"event.id":"%d-%d","message":"`, n, i)
			for range 900 {
				body.WriteByte(byte('a' + r.IntN(26)))
			}
			body.WriteString("\"}\n")
		}
		if err := d.post(fmt.Sprint(n), body.Bytes()); err != nil {
			refused = err.Error()
			break
		}
		accepted += 1000
	}
	if !strings.Contains(refused, "507") || !strings.Contains(refused, "free some space") || accepted == 0 {
		t.Fatalf("after %d events the full disk is answered with %q, want 507 and the way out", accepted, refused)
	}
	if !d.alive() {
		t.Fatalf("the daemon died of a full disk\n%s", d.said)
	}
	d.eventually(fmt.Sprintf("%d events that were accepted are found on the full disk", accepted), func() bool { return len(d.events()) >= accepted })
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=400m"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; {
		err := d.post("after", []byte(`{"event.id":"after"}`))
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("with room again: %v\n%s", err, d.said)
		}
	}
	d.ask("POST", "/api/v1/flush", nil)
	count := d.events()
	for id, n := range count {
		if n != 1 {
			t.Errorf("event %s is there %d times", id, n)
		}
	}
	if len(count) < accepted+1 || count["after"] != 1 {
		t.Errorf("%d events in the end, want at least %d", len(count), accepted+1)
	}
	d.stop()
}
