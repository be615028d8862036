package delivery

import (
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/notifier"
)

// Names are put into a notice as it is sent, a summary's lines included, and what the outbox holds stays as it was.
func TestShow(t *testing.T) {
	entity := alert.Entity{{Field: "source.ip", Value: "192.0.2.7"}}
	kept := notifier.Notice{Alert: alert.Alert{ID: 1, Entity: entity}, Digest: &notifier.Digest{Lines: []notifier.DigestLine{{Alert: alert.Alert{ID: 2, Entity: entity}}}}}
	name := func(a *alert.Alert) { a.Names = map[string]string{"192.0.2.7": "web-1"} }
	s := &Service{options: Options{Link: func(int64) string { return "" }, Show: name}}
	sent := s.dress(Channel{}, kept)
	if sent.Alert.About() != "web-1 (192.0.2.7)" || sent.Digest.Lines[0].Alert.About() != "web-1 (192.0.2.7)" {
		t.Errorf("sent of %s and %s, want names", sent.Alert.About(), sent.Digest.Lines[0].Alert.About())
	}
	if kept.Alert.Names != nil || kept.Digest.Lines[0].Alert.Names != nil {
		t.Errorf("names stand in what is kept: %+v", kept)
	}
}
