package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
)

// Whoever looks at an alert sees of the traffic about it what he may see of flows, also right after somebody who may see more.
func TestBoundsOfInvolved(t *testing.T) {
	b := bound(t)
	var lines []string
	for i, ends := range [][2]string{{"10.0.0.1", "203.0.113.1"}, {"192.0.2.77", "10.0.0.1"}} {
		at := time.Now().Add(-2 * time.Minute).UTC().Format(time.RFC3339)
		lines = append(lines, fmt.Sprintf(`{"@timestamp":%q,"source.ip":%q,"destination.ip":%q,"source.port":4000,"destination.port":%d,"source.bytes":%d,"source.packets":1,"flow.id":%d,"flow.role":"client"}`,
			at, ends[0], ends[1], 80+i, 100*(i+1), i+1))
	}
	_, err := b.svc.Append(b.admin, api.AppendRequest{Kind: "flow"}, strings.NewReader(strings.Join(lines, "\n")))
	b.must(err)
	b.must(b.svc.Flush(b.admin))
	var id int64
	for _, a := range b.seen {
		if a.RuleName == "each" && a.Entity.String() == "10.0.0.1" {
			id = a.ID
		}
	}
	for range 2 {
		for who, ctx := range map[string]context.Context{"admin": b.admin, "bob": b.bob} {
			story, err := b.svc.AlertStory(ctx, id)
			b.must(err)
			if story.Traffic == nil {
				t.Fatalf("%s sees no traffic of alert %d", who, id)
			}
			text, err := json.Marshal(story.Traffic)
			b.must(err)
			all := who == "admin"
			if strings.Contains(string(text), "192.0.2.77") != all || !strings.Contains(string(text), "203.0.113.1") || (story.Traffic.Total == 2) != all {
				t.Errorf("%s sees %s", who, text)
			}
		}
	}
}
