package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// What the flags say is what is asked for.
func TestMuteFlags(t *testing.T) {
	for _, test := range []struct {
		args string
		want api.MuteEdit
	}{
		{"silences add --rule r --for 2h --note x", api.MuteEdit{Kind: "silence", Rule: "r", Note: "x"}},
		{"silences add --user anna --where a==1 --min-severity LOW --max-severity HIGH --all --until-resolved --for 2h --note x",
			api.MuteEdit{Kind: "silence", Owner: "anna", Where: "a==1", MinSeverity: "LOW", MaxSeverity: "HIGH", All: true, UntilResolved: true, Note: "x"}},
		{"windows add --days mon-wed --from 22:00 --to 02:00 --zone UTC --note x", api.MuteEdit{Kind: "window", Note: "x",
			Schedule: &api.MuteSchedule{Days: []string{"mon", "tue", "wed"}, From: "22:00", To: "02:00", Zone: "UTC"}}},
		{"windows add --dates 1,last --from 22:00 --to 02:00 --zone Europe/Berlin --note x", api.MuteEdit{Kind: "window", Note: "x",
			Schedule: &api.MuteSchedule{Dates: []int{1, -1}, From: "22:00", To: "02:00", Zone: "Europe/Berlin"}}},
		{"exclusions add --rule r --note x", api.MuteEdit{Kind: "exclusion", Rule: "r", Note: "x"}},
		{"alerts silence 17 --for 1h --note x", api.MuteEdit{Kind: "silence", Alert: 17, Note: "x"}},
		{"alerts exclude 17 --note x", api.MuteEdit{Kind: "exclusion", Alert: 17, Close: true, Note: "x"}},
	} {
		r := (&run{svc: &recorder{muted: api.MuteAnswer{Mute: api.Mute{ID: 3, Kind: test.want.Kind}}}}).do(t, strings.Fields(test.args)...)
		r.want(t, 0, test.want.Kind+" 3: ", "it means 0 alerts that stand now")
		if diff := cmp.Diff([]any{[]any{"AddMute", test.want}}, r.svc.calls, cmpopts.IgnoreFields(api.MuteEdit{}, "Ends")); diff != "" {
			t.Errorf("%s asks (-want +got):\n%s", test.args, diff)
		}
		asked := r.svc.calls[0].([]any)[1].(api.MuteEdit) //nolint:forcetypeassert // as compared
		wants := strings.Contains(test.args, "--for")
		if wants == asked.Ends.IsZero() || wants && (asked.Ends.Before(time.Now().Add(59*time.Minute)) || asked.Ends.Nanosecond() != 0) {
			t.Errorf("%s ends at %s", test.args, asked.Ends)
		}
	}
}

// A preview makes nothing, and says how to know everything from something.
func TestMutePreview(t *testing.T) {
	r := (&run{svc: &recorder{muted: api.MuteAnswer{MutePreview: api.MutePreview{Open: 1, Alerts: []alert.Alert{{ID: 17, RuleName: "r"}}, Week: 3, WeekAll: 3, Everything: true}}}}).
		do(t, "silences", "add", "--min-severity", "INFO", "--preview")
	r.want(t, 0, "17", "it means 1 alert that stands now; in the last 7 days it would have kept back notices of 3 of 3 alerts\ntocsin: CAUTION: it means every alert")
	if len(r.svc.calls) != 1 || r.svc.calls[0].([]any)[0] != "PreviewMute" { //nolint:forcetypeassert // so it is recorded
		t.Errorf("a preview asks %v", r.svc.calls)
	}
}

// What stands in notes, filters and entities does nothing to a terminal or a spreadsheet.
func TestHostileMutes(t *testing.T) {
	const evil = "\x1b[31m\u202e<b>\r\n=cmd|' /C calc'!A0"
	m := api.Mute{ID: 3, Kind: "silence", State: "active", Rule: evil, Owner: evil, Author: evil, Note: evil, Where: evil, Entity: alert.Entity{{Field: evil, Value: evil}}, LastHit: time.Now()}
	svc := func() *recorder { return &recorder{mutes: []api.Mute{m}, muted: api.MuteAnswer{Mute: m}} }
	for _, args := range []string{
		"silences list", "silences list -o csv", "silences list -o json", "silences show 3", "silences add --rule r --for 1h --note x",
		"silences add --rule r --for 1h --note x -o json", "silences end 3", "silences end 3 -o json",
	} {
		r := (&run{svc: svc()}).do(t, strings.Fields(args)...)
		r.want(t, 0, "3", "")
		if out := r.out + r.err; strings.ContainsAny(out, "\x1b\u202e\r") {
			t.Errorf("%s prints %q", args, out)
		}
	}
}

func TestMuteMistakes(t *testing.T) {
	for _, args := range []string{
		"silences", "silences add", "silences add --rule r --note x", "silences add --rule r --for 1h", "silences add --rule r --for 1h --until 2h --note x",
		"silences add --rule r --for -1h --note x", "silences add --rule r --for 0s --note x", "silences add --rule r --until 2001-01-01 --note x",
		"silences add --max-severity SOME --for 1h --note x", "windows add --from 22:00 --note x", "windows add --from 22:00 --to 23:00 --zone UTC --days noday --note x",
		"windows add --days mon --for 1h --note x", "windows add --start yesterday --for 1h --note x", "windows add --note x", "alerts silence 17 --note x",
		"alerts silence --for 1h --note x", "alerts silence 17 18 --for 1h --note x", "alerts exclude x --note x", "exclusions remove", "exclusions undo 0", "windows list --limit 0", "silences list 3",
	} {
		r := (&run{}).do(t, strings.Fields(args)...)
		r.want(t, 2, "", "")
		if len(r.svc.calls) > 0 {
			t.Errorf("%s asks %v", args, r.svc.calls)
		}
	}
	away := &recorder{err: map[string]error{"EndMute": fault.New(fault.NotFound, "no silence 3\x1b[31m")}}
	r := (&run{svc: away}).do(t, "silences", "end", "3", "4")
	r.want(t, 1, "", "no silence 3")
	if len(r.svc.calls) != 2 || strings.Contains(r.err, "\x1b") {
		t.Errorf("of two that cannot be ended: %v, %q", r.svc.calls, r.err)
	}
	(&run{}).do(t, "exclusions", "list").want(t, 1, "", "no exclusions")
}
