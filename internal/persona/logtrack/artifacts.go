package logtrack

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/cli"
	"tocsin/internal/fault"
)

// Where the artifacts are, below the directory in which a command runs, and what they are compared with by default.
const (
	parsedPath     = "artifacts/parsed/clf_parsed.json"
	alertsPath     = "artifacts/alerts/clf_alerts.json"
	expectedParsed = "samples/expected/clf_parsed.json"
	expectedAlerts = "samples/expected/clf_alerts.json"
)

// maxArtifact bounds the rows of an artifact, which is sorted in memory.
const maxArtifact = 200_000

// parsedArtifact writes down what a file was parsed to.
func (f *face) parsedArtifact(ctx context.Context, svc api.Service, path string) error {
	rows := []record{}
	q := api.SearchRequest{Kinds: logs(), Where: "log.file.path == " + strconv.Quote(path), Oldest: true, Limit: maxArtifact + 1}
	err := svc.Search(ctx, q, func(line json.RawMessage) error {
		r, err := newRecord(line)
		if err == nil {
			rows = append(rows, r)
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(rows) > maxArtifact {
		return cli.Refused(fault.New(fault.Invalid, "write %s: %s has more than %d rows", parsedPath, path, maxArtifact))
	}
	slices.SortStableFunc(rows, func(a, b record) int {
		return cmp.Or(compareText(a.Timestamp, b.Timestamp), compareText(a.Service, b.Service), cmp.Compare(a.Message, b.Message))
	})
	if err := writeArtifact(parsedPath, rows); err != nil {
		return cli.Refused(err)
	}
	return f.say("Parsed artifacts written to %s", parsedPath)
}

// compareText orders texts; nothing comes first.
func compareText(a, b *string) int {
	if a == nil || b == nil {
		return cmp.Compare(btoi(a != nil), btoi(b != nil))
	}
	return cmp.Compare(*a, *b)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// A foundAlert is an alert in the artifact. LogTrack never names a service there.
type foundAlert struct {
	RuleID  string  `json:"rule_id"`
	Message string  `json:"message"`
	Service *string `json:"service"`
}

func (f *face) alertArtifact(bursts []burst) error {
	list := []foundAlert{}
	for _, b := range bursts {
		list = append(list, foundAlert{RuleID: b.rule, Message: b.message})
	}
	slices.SortStableFunc(list, func(a, b foundAlert) int { return cmp.Compare(a.RuleID, b.RuleID) })
	if err := writeArtifact(alertsPath, list); err != nil {
		return cli.Refused(err)
	}
	return f.say("Alert artifacts written to %s", alertsPath)
}

func writeArtifact(path string, v any) error {
	text, err := pyJSON(v)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644) //nolint:gosec // as readable as LogTrack makes it: builds pick it up
}

func (f *face) assertParsed(_ context.Context, args []string) error {
	return f.assert(parsedPath, f.argument(args, "EXPECTED_PARSED"), expectedParsed, "Golden path verified: parsed output matches expected.")
}

func (f *face) assertAlerts(_ context.Context, args []string) error {
	return f.assert(alertsPath, f.argument(args, "EXPECTED_ALERTS"), expectedAlerts, "Golden path verified: alert output matches expected.")
}

// assert compares an artifact with what is expected. White space between words does not count, as in LogTrack's check.
func (f *face) assert(path, want, otherwise, verified string) error {
	want = orElse(want, otherwise)
	got, err := readSmall(path, maxCompared)
	if err != nil {
		return cli.Refused(err)
	}
	expected, err := readSmall(want, maxCompared)
	if err != nil {
		return cli.Refused(err)
	}
	g, w := inked(got), inked(expected)
	for i := range max(len(g), len(w)) {
		switch {
		case i >= len(g):
			return differs(path, want, "", w[i])
		case i >= len(w):
			return differs(path, want, g[i], "")
		case g[i] != w[i]:
			return differs(path, want, g[i], w[i])
		}
	}
	return f.say("%s", verified)
}

const maxCompared = 256 << 20

func differs(path, want, got, expected string) error {
	return cli.Refused(fault.New(fault.Invalid, "%s differs from %s: got line %q, want %q", path, want, got, expected))
}

// inked returns the lines that hold anything, with runs of white space as one blank.
func inked(text []byte) (list []string) {
	for line := range bytes.Lines(text) {
		if words := strings.Fields(string(line)); len(words) > 0 {
			list = append(list, strings.Join(words, " "))
		}
	}
	return list
}
