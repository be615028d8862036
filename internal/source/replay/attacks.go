package replay

import (
	"fmt"
	"net/netip"
	"time"
)

// How far the past of the office goes back, and how much of it is made up: an hour as dense as the present, and days before it of
// which each session stands for many.
const (
	pastDays       = 9 // a host must be known for a week before it is told what is usual of it
	sessionsATick  = 1
	sessionsAnHour = int(time.Hour/tick) * sessionsATick
	thinByDay      = 120
	thinByNight    = 30
	thinSize       = 20
)

// PastFlows returns a capture of what the router of the office told of until now: nine days, the last hour of them in full. In the
// last night that is over, at two o'clock where now is, one desk sends 3 GB to an address outside.
func PastFlows(now time.Time) []byte {
	o := newOffice(1)
	dense, night := now.Add(-time.Hour), lastNight(now)
	for from := now.Add(-pastDays * 24 * time.Hour); from.Before(now); from = from.Add(time.Hour) {
		to := from.Add(time.Hour)
		sessions, size := thinByNight, uint64(thinSize)
		switch h := from.Hour(); {
		case !from.Before(dense):
			sessions, size = sessionsAnHour, 1
		case h >= 8 && h < 18:
			sessions = thinByDay
		}
		o.ordinary(from, to, sessions, size)
		if from.Hour() == 3 { // the backup of each night, which is usual
			o.session(from.Add(20*time.Minute), talk{backup, cloudBackup, 443, tcp, 1_500_000_000, 1_000_000, 10 * time.Minute}, whole)
		}
		if !night.Before(from) && night.Before(to) {
			o.leak(night)
		}
	}
	return o.capture(now)
}

// capture spells what was made, as it was sent once a minute, and at the end.
func (o *office) capture(end time.Time) []byte {
	var router exporter
	packets := appendCaptureHeader(nil)
	for made := o.take(); len(made) > 0; {
		at, n := made[0].end.Truncate(time.Minute).Add(time.Minute), 0
		for n < len(made) && made[n].end.Before(at) {
			n++
		}
		if at.After(end) {
			at = end
		}
		for _, d := range router.datagrams(made[:n], at) {
			packets = appendPacket(packets, d, at)
		}
		made = made[n:]
	}
	return packets
}

// lastNight is ten past two of the last night of which the hour is over and an hour more.
func lastNight(now time.Time) time.Time {
	night := time.Date(now.Year(), now.Month(), now.Day(), 2, 10, 0, 0, now.Location())
	if now.Sub(night) < 2*time.Hour {
		night = night.AddDate(0, 0, -1)
	}
	return night
}

// leak has dilek's machine send far too much out.
func (o *office) leak(at time.Time) {
	for i := range 40 {
		o.session(at.Add(time.Duration(i+1)*time.Minute), talk{desk(3), drop, 443, tcp, 75_000_000, 200_000, 50 * time.Second}, whole)
	}
}

// attackAt says after how many ticks of a round each attack comes, and roundTicks how long a round is.
const (
	roundTicks   = 1200 // five minutes
	scanAt       = 4
	scanTicks    = 8 // the address that scans guesses accounts when it is done
	portsAt      = 20
	reflectionAt = 32
	contactAt    = 48
)

// attack makes what is wrong at a tick, and returns log lines of those who notice.
func (o *office) attack(n int, now time.Time) (lines []string) {
	switch at := n % roundTicks; {
	case at >= scanAt && at < scanAt+scanTicks: // one address tries SSH at 64 addresses of the office
		for i := range 8 {
			o.session(now, talk{client: guesser, server: netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + (at-scanAt)*8 + i)}), port: 22, protocol: tcp, up: 60}, synAlone)
		}
	case at == scanAt+scanTicks: // one answered
		for i, user := range [...]string{"admin", "oracle", "test", "backup", "pi", "ubuntu"} {
			o.session(now, talk{guesser, gate, 22, tcp, 2600, 3100, time.Second}, whole)
			lines = append(lines, fmt.Sprintf("%s gate sshd[%d]: Invalid user %s from %s port %d", now.UTC().Format(bsdTime), 2200+i, user, guesser, 50000+i))
		}
	case at >= portsAt && at < portsAt+4: // another tries 48 ports of one server
		for i := range 12 {
			o.session(now, talk{client: scanner, server: webV6, port: uint16(20 + ((at-portsAt)*12+i)*7), protocol: tcp, up: 60}, synAlone) //nolint:gosec // below 400
		}
	case at >= reflectionAt && at < reflectionAt+8: // time servers of others answer what the office never asked
		for i := range 8 {
			from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(128 + (at-reflectionAt)*8 + i)}), 123)
			o.records = append(o.records, record{from, netip.AddrPortFrom(web, 40123), udp, 0, 10_000, 4_680_000, now.Add(-5 * time.Second), now})
		}
	case at == contactAt: // a desk speaks to a listed address
		o.session(now, talk{desk(6), listed, 443, tcp, 4200, 18_000, time.Second}, whole)
	}
	return lines
}
