package cli

import (
	"fmt"
	"strings"

	"tocsin/internal/api"
)

// involved tells of the traffic of whom an alert is about.
func (s *shell) involved(b *strings.Builder, t *api.AlertTraffic) {
	if t == nil {
		return
	}
	fmt.Fprintf(b, "\nTraffic, from %s to %s, most %s first: %s\n", s.instant(t.Since), s.instant(t.Until), t.Rank, plural(int64(min(t.Total, 1<<62)), "session"))
	rows := func(what string, list []api.TrafficRow) {
		for i := range list {
			r := &list[i]
			shown, _ := s.named(nil, r.Values, r.Names)
			who := strings.Join(shown, " ")
			if who == "" {
				who = "unknown"
			}
			fmt.Fprintf(b, "  %-9s %s: sent %d bytes, received %d, opened %s, accepted %d\n",
				what, clean(who), r.SentBytes, r.ReceivedBytes, plural(int64(min(r.Initiated, 1<<62)), "session"), r.Accepted)
		}
	}
	rows("peer", t.Peers)
	rows("port", t.Ports)
	end := func(e *api.SessionEnd) string { return s.called(e.Name, hostText(e.IP)) + " " + portText(e.Port) }
	for i := range t.Sessions {
		r := &t.Sessions[i]
		fmt.Fprintf(b, "  %-9s %s  %s → %s: %d bytes there, %d back\n",
			"session", s.instant(r.Start), clean(strings.TrimSpace(end(&r.Client))), clean(strings.TrimSpace(end(&r.Server)+" "+protocolText(r))), r.Client.Bytes, r.Server.Bytes)
	}
	if t.Cut {
		b.WriteString("  it took too long: not all of it was looked up\n")
	}
}
