package syslog

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/notifier"
	"tocsin/internal/notifier/notifiertest"
)

// Every format arrives whole at a real collector over every transport.
func TestCollector(t *testing.T) {
	collector := notifiertest.Collect(t, time.Now().Add(time.Hour))
	for _, transport := range []string{UDP, TCP, TLS} {
		for _, format := range []string{RFC3164, RFC5424, CEF, LEEF, JSON} {
			t.Run(transport+" "+format, func(t *testing.T) {
				c := config(transport, format)
				c.Port, c.CA = collector.Ports[transport], collector.CA
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
				notifiertest.Eventually(t, "rsyslogd writes "+want, func() bool {
					text, err := os.ReadFile(collector.Output)
					return err == nil && strings.Contains(string(text), want+"\n")
				})
			})
		}
	}
}

// Each way to fail says where, over what, and what to do.
func TestFails(t *testing.T) {
	collector := notifiertest.Collect(t, time.Now().Add(-time.Hour))
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"expired certificate": {func(c *Config) { c.Transport, c.Port, c.CA = TLS, collector.Ports[TLS], collector.CA }, "certificate is valid"},
		"unknown authority":   {func(c *Config) { c.Transport, c.Port = TLS, collector.Ports[TLS] }, "name its authority with ca"},
		"no TLS there":        {func(c *Config) { c.Transport, c.Port, c.Timeout = TLS, collector.Ports[TCP], time.Second }, "over tls"},
		"nobody on TCP":       {func(c *Config) { c.Transport, c.Port = TCP, notifiertest.Free(t, "tcp") }, "nothing listens there"},
		"nobody on UDP":       {func(c *Config) { c.Transport, c.Port = UDP, notifiertest.Free(t, "udp") }, "nothing listens there"},
		"not allowed": {func(c *Config) {
			c.Transport, c.Port, c.Allow = TCP, collector.Ports[TCP], func(ip netip.Addr) error { return errors.New(ip.String() + " is not for you") }
		}, "127.0.0.1 is not for you"},
		"not allowed on UDP": {func(c *Config) { c.Allow = func(netip.Addr) error { return errors.New("not for you") } }, "not for you"},
		"unknown host":       {func(c *Config) { c.Host = "collector.invalid" }, "check host"},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(UDP, RFC5424)
			test.change(c)
			p, err := c.New()
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Send(t.Context(), notifiertest.Notice())
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), c.Place()) {
				t.Errorf("error = %v, want %q and %s in it", err, test.want, c.Place())
			}
			if errors.Is(err, notifier.ErrPermanent) {
				t.Errorf("%v is given up, though somebody may mend it", err)
			}
		})
	}
}

// late is the connection of a process that is so busy that it looks only when the time for that is over.
type late struct{ *net.UDPConn }

func (late) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

// A refusal is told also when nobody had the time to wait for it.
func TestRefusalThatWasMissed(t *testing.T) {
	place := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: notifiertest.Free(t, "udp")}
	notifiertest.Eventually(t, "a datagram is refused", func() bool {
		conn, err := net.DialUDP("udp", nil, place) // each has one, as a second datagram would be told what became of the first
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = datagram(late{conn}, []byte("x"))
		return errors.Is(err, syscall.ECONNREFUSED)
	})
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
