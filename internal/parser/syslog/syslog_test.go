package syslog_test

import (
	"testing"

	"tocsin/internal/parser/parsertest"
	"tocsin/internal/parser/syslog"
)

func TestContract(t *testing.T) { parsertest.Run(t, syslog.Format(), syslog.Sample) }

func FuzzParse(f *testing.F) { parsertest.Fuzz(f, syslog.Format()) }

func BenchmarkBSD(b *testing.B) {
	parsertest.Bench(b, syslog.Format(), parsertest.Records(b, "testdata/bsd/input.log"))
}

func BenchmarkIETF(b *testing.B) {
	parsertest.Bench(b, syslog.Format(), parsertest.Records(b, "testdata/ietf/input.log"))
}

// Lines that tell of nobody: what looking for logins costs them is what counts, for they are most of all lines.
func BenchmarkOther(b *testing.B) {
	parsertest.Bench(b, syslog.Format(), lines(
		"Mar 10 11:59:58 web1 kernel: [   12.345678] usb 1-1: new high-speed USB device number 2 using xhci_hcd",
		"Mar 10 11:59:58 web1 systemd[1]: Started Session 5 of User bob.",
		"Mar 10 11:59:58 web1 CRON[4711]: (root) CMD (   cd / && run-parts --report /etc/cron.hourly)",
		"Mar 10 11:59:58 web1 postfix/qmgr[815]: 4F1B22A01C: from=<alice@example.org>, size=2541, nrcpt=1 (queue active)",
		"Mar 10 11:59:58 web1 dhcpd: DHCPACK on 192.0.2.77 to 00:00:5e:00:53:01 via eth0",
	))
}

func BenchmarkLogin(b *testing.B) {
	parsertest.Bench(b, syslog.Format(), lines(
		"Mar 10 11:59:58 web1 sshd[4711]: Failed password for invalid user admin from 192.0.2.7 port 50022 ssh2",
		"Mar 10 11:59:58 web1 sshd[4711]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=root",
		"Mar 10 11:59:58 web1 sshd[4711]: Received disconnect from 192.0.2.7: 11: Bye Bye [preauth]",
		"Mar 10 11:59:58 mail dovecot: imap-login: Login: user=<alice>, method=PLAIN, rip=192.0.2.8, lip=192.0.2.1, mpid=17, TLS, session=<6brQWt/vCADDhP/+>",
	))
}

func lines(all ...string) (records [][]byte) {
	for _, l := range all {
		records = append(records, []byte(l))
	}
	return records
}
