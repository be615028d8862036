package desk

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
)

// Bounds of what is looked for around an alert: so long before its first and after its newest trigger, in no more than a day, and
// no longer than so. What was found stays good for a while, since pages ask again and again.
const (
	aroundMargin = time.Hour
	aroundMost   = 24 * time.Hour
	aroundTime   = 2 * time.Second
	aroundFor    = 30 * time.Second
	aroundKept   = 200 // alerts
	aroundRead   = 50  // events of each sort that are looked through
	aroundText   = 300 // bytes of a text
)

// around tells what else was seen of the addresses that an alert is about.
func (d *Desk) around(ctx context.Context, caller viewer, a *alert.Alert) []api.Around {
	addresses := addressesOf(a)
	if len(addresses) == 0 {
		return nil
	}
	key, now := seenBy(caller, a), time.Now()
	if list, ok := d.arounds.get(key, now); ok {
		return slices.Clone(list) // whoever writes it out may fill it in
	}
	within, cancel := context.WithTimeout(ctx, aroundTime)
	defer cancel()
	since, until := a.First.Add(-aroundMargin), a.Last.Add(aroundMargin)
	if until.Sub(since) > aroundMost {
		since = until.Add(-aroundMost)
	}
	var list []api.Around
	for _, ip := range addresses {
		one := api.Around{Address: ip.String(), Since: since.UTC(), Until: until.UTC()}
		one.Cut = d.look(within, &one) != nil
		if one.Cut || len(one.Logins)+len(one.Devices)+len(one.Lines) > 0 {
			list = append(list, one)
		}
	}
	if ctx.Err() == nil { // else it was cut short for who went away alone
		d.arounds.put(key, now, list)
	}
	return slices.Clone(list)
}

// addressesOf lists the addresses that an alert is about, each once and no more than are told of.
func addressesOf(a *alert.Alert) []netip.Addr {
	var list []netip.Addr
	for _, p := range a.Entity {
		ip, err := netip.ParseAddr(p.Value)
		ip = ip.Unmap().WithZone("")
		if err == nil && len(list) < api.MaxAround && !slices.Contains(list, ip) {
			list = append(list, ip)
		}
	}
	return list
}

// seenEvent is what is told of an event.
type seenEvent struct {
	Time      time.Time `json:"@timestamp"`
	User      string    `json:"user.name"`
	Outcome   string    `json:"event.outcome"`
	Host      string    `json:"host.name"`
	HostMAC   string    `json:"host.mac"`
	SourceMAC string    `json:"source.mac"`
	Text      string    `json:"message"`
}

// look fills in what is found of an address, in the order in which it helps most should the time be over.
func (d *Desk) look(ctx context.Context, about *api.Around) error {
	is := ` == "` + about.Address + `"`
	for _, sort := range []struct {
		kinds []string
		where string
		read  int
		take  func(about *api.Around, e *seenEvent)
	}{
		{[]string{"login", "log"}, "source.ip" + is + " and has(user.name)", aroundRead, takeLogin},
		{[]string{"sighting"}, "host.ip" + is + " and has(host.mac)", aroundRead, takeDevice},
		{[]string{"flow"}, "source.ip" + is + " and has(source.mac)", 1, takeDevice},
		{[]string{"log"}, "related.ip" + is, api.MaxAroundEvents, takeLine},
	} {
		q := api.SearchRequest{Kinds: sort.kinds, Where: sort.where, Since: about.Since, Until: about.Until, Limit: sort.read}
		err := d.Search(ctx, q, func(text json.RawMessage) error {
			var e seenEvent
			if json.Unmarshal(text, &e) == nil { // a field with several values is none of these
				sort.take(about, &e)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func takeLogin(about *api.Around, e *seenEvent) {
	l := api.AroundLogin{Time: e.Time, User: shorten(e.User), Outcome: shorten(e.Outcome), Host: shorten(e.Host)}
	same := func(other api.AroundLogin) bool {
		return other.User == l.User && other.Outcome == l.Outcome && other.Host == l.Host
	}
	if l.User != "" && len(about.Logins) < api.MaxAroundEvents && !slices.ContainsFunc(about.Logins, same) {
		about.Logins = append(about.Logins, l)
	}
}

func takeDevice(about *api.Around, e *seenEvent) {
	l := api.AroundDevice{Time: e.Time, MAC: shorten(e.HostMAC), Name: shorten(e.Host)}
	if l.MAC == "" {
		l.MAC, l.Name = shorten(e.SourceMAC), ""
	}
	same := func(other api.AroundDevice) bool { return strings.EqualFold(other.MAC, l.MAC) }
	if l.MAC != "" && len(about.Devices) < api.MaxAroundEvents && !slices.ContainsFunc(about.Devices, same) {
		about.Devices = append(about.Devices, l)
	}
}

func takeLine(about *api.Around, e *seenEvent) {
	if e.Text != "" && len(about.Lines) < api.MaxAroundEvents {
		about.Lines = append(about.Lines, api.AroundLine{Time: e.Time, Host: shorten(e.Host), Text: shorten(e.Text)})
	}
}

// shorten bounds a text.
func shorten(s string) string {
	if len(s) <= aroundText {
		return s
	}
	return strings.ToValidUTF8(s[:aroundText], "") + "…"
}
