package delivery_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/delivery"
)

// Every notice about an alert carries the address of its page.
func TestNoticesCarryALink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, t.TempDir())
		defer l.Close()
		side := &far{}
		channels := []delivery.Channel{{Name: "a", Notifier: side}}
		raise(t, l, 1, channels, "one", "two")
		p := start(t, l, channels, delivery.Options{Link: func(id int64) string { return "https://t/alerts/" + strconv.FormatInt(id, 10) }})
		for side.calls() < 2 {
			time.Sleep(time.Second) // in the bubble
		}
		p.end()
		for _, n := range side.got {
			if want := "https://t/alerts/" + strconv.FormatInt(n.Alert.ID, 10); n.Link != want {
				t.Errorf("notice of alert %d links to %q, want %q", n.Alert.ID, n.Link, want)
			}
		}
	})
}
