package syslog

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/notifier"
	"tocsin/internal/notifier/notifiertest"
)

// rsyslog starts a real collector that takes all three transports, and returns the file that it writes to.
func rsyslog(t *testing.T, until time.Time) (ports map[string]int, ca, output string) {
	t.Helper()
	path, err := exec.LookPath("rsyslogd")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/rsyslogd"); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal("no rsyslogd: install Debian's rsyslog and rsyslog-gnutls")
			}
			t.Skip("no rsyslogd (Debian: rsyslog, rsyslog-gnutls)")
		}
	}
	dir := t.TempDir()
	certificate, key := notifiertest.Certify(t, dir, until)
	ports = map[string]int{UDP: free(t, "udp"), TCP: free(t, "tcp"), TLS: free(t, "tcp")}
	output = filepath.Join(dir, "output.log")
	settings := fmt.Sprintf(`
global(workDirectory=%[1]q maxMessageSize="16k" defaultNetstreamDriverCAFile=%[2]q defaultNetstreamDriverCertFile=%[2]q defaultNetstreamDriverKeyFile=%[3]q)
module(load="imudp")
module(load="imtcp")
template(name="raw" type="string" string="%%rawmsg%%\n")
input(type="imudp" address="127.0.0.1" port="%[4]d")
input(type="imtcp" address="127.0.0.1" port="%[5]d")
input(type="imtcp" address="127.0.0.1" port="%[6]d" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
*.* action(type="omfile" file=%[7]q template="raw")
`, dir, certificate, key, ports[UDP], ports[TCP], ports[TLS], output)
	file := filepath.Join(dir, "rsyslog.conf")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	said := &strings.Builder{}
	cmd := exec.CommandContext(t.Context(), path, "-n", "-f", file, "-i", filepath.Join(dir, "pid"))
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("rsyslogd said: %s", said)
		}
	})
	for _, transport := range []string{TCP, TLS} {
		eventually(t, "rsyslogd listens", func() bool {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", ports[transport]))
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		})
	}
	return ports, certificate, output
}

// free is a port that nobody uses now.
func free(t *testing.T, network string) int {
	t.Helper()
	if network == "udp" {
		l, err := (&net.ListenConfig{}).ListenPacket(t.Context(), network, "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.LocalAddr().(*net.UDPAddr).Port //nolint:forcetypeassert // UDP was asked for
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), network, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // TCP was asked for
}

// eventually waits for another process.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// Every format arrives whole at a real collector over every transport.
func TestCollector(t *testing.T) {
	ports, ca, output := rsyslog(t, time.Now().Add(time.Hour))
	for _, transport := range []string{UDP, TCP, TLS} {
		for _, format := range []string{RFC3164, RFC5424, CEF, LEEF, JSON} {
			t.Run(transport+" "+format, func(t *testing.T) {
				c := config(transport, format)
				c.Port, c.CA = ports[transport], ca
				p, err := c.New()
				if err != nil {
					t.Fatal(err)
				}
				n := notifiertest.Notice()
				n.Key = "key-" + transport + "-" + format
				n.Alert.Reason = n.Key + "\nsecond line"
				answer, err := p.Send(t.Context(), n)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(answer, "bytes sent") {
					t.Errorf("answer = %q", answer)
				}
				want := strings.ReplaceAll(string(c.format(n, os.Getpid())), "\t", "#011") // rsyslog's own escape
				eventually(t, "rsyslogd writes "+want, func() bool {
					text, err := os.ReadFile(output)
					return err == nil && strings.Contains(string(text), want+"\n")
				})
			})
		}
	}
}

// Each way to fail says where, over what, and what to do.
func TestFails(t *testing.T) {
	ports, ca, _ := rsyslog(t, time.Now().Add(-time.Hour))
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"expired certificate": {func(c *Config) { c.Transport, c.Port, c.CA = TLS, ports[TLS], ca }, "certificate is valid"},
		"unknown authority":   {func(c *Config) { c.Transport, c.Port = TLS, ports[TLS] }, "name its authority with ca"},
		"no TLS there":        {func(c *Config) { c.Transport, c.Port, c.Timeout = TLS, ports[TCP], time.Second }, "over tls"},
		"nobody on TCP":       {func(c *Config) { c.Transport, c.Port = TCP, free(t, "tcp") }, "nothing listens there"},
		"nobody on UDP":       {func(c *Config) { c.Transport, c.Port = UDP, free(t, "udp") }, "nothing listens there"},
		"unknown host":        {func(c *Config) { c.Host = "collector.invalid" }, "check host"},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(UDP, RFC5424)
			test.change(c)
			p, err := c.New()
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Send(t.Context(), notifiertest.Notice())
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), c.place()) {
				t.Errorf("error = %v, want %q and %s in it", err, test.want, c.place())
			}
			if errors.Is(err, notifier.ErrPermanent) {
				t.Errorf("%v is given up, though somebody may mend it", err)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	err := (&Config{Host: "a b", Port: -1, Transport: "dccp", Format: "xml", Facility: "LOCAL8", Hostname: "a b"}).Validate()
	if err == nil {
		t.Fatal("everything wrong is taken")
	}
	for _, want := range []string{"host", "port", "transport", "format", "facility", "hostname", "timeout"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not speak of %s:\n%v", want, err)
		}
	}
}
