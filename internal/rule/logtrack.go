package rule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/detector"
	"tocsin/internal/fault"
)

// Limits of a file of LogTrack's rules.
const (
	maxLogTrack      = 4 << 20 // bytes
	maxLogTrackRules = 10_000
)

// logTrackMeans reports whether a key of LogTrack has a meaning here.
func logTrackMeans(key string) bool {
	switch key {
	case "id", "rule_type", "service", "keyword", "message", "threshold", "window_minutes", "window_seconds",
		"max_idle_minutes", "description", "baseline_windows", "zscore_threshold":
		return true
	}
	return false
}

// logTrackRule is one entry of LogTrack's rules_config.json.
type logTrackRule struct {
	ID              string   `json:"id"`
	Type            string   `json:"rule_type"`
	Service         string   `json:"service"`
	Keyword         string   `json:"keyword"`
	Message         string   `json:"message"`
	Threshold       *float64 `json:"threshold"`
	WindowMinutes   int64    `json:"window_minutes"`
	WindowSeconds   int64    `json:"window_seconds"`
	MaxIdleMinutes  int64    `json:"max_idle_minutes"`
	Description     string   `json:"description"`
	BaselineWindows int      `json:"baseline_windows"`
	ZScoreThreshold *float64 `json:"zscore_threshold"`
}

// ImportLogTrack reads LogTrack's rules_config.json. The rules keep their ids as names. What could not be taken over is
// told, one text a problem; the rules behind it are left out. An error means that the file as a whole is none.
func ImportLogTrack(text []byte, detectors detector.Set) (rules []Rule, problems []string, err error) {
	if len(text) > maxLogTrack {
		return nil, nil, fault.New(fault.Invalid, "import LogTrack rules: %d bytes, want %d or fewer", len(text), maxLogTrack)
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(text, &entries); err != nil {
		return nil, nil, fault.New(fault.Invalid, "import LogTrack rules: %w", err)
	}
	if len(entries) > maxLogTrackRules {
		return nil, nil, fault.New(fault.Invalid, "import LogTrack rules: %d rules, want %d or fewer", len(entries), maxLogTrackRules)
	}
	seen := map[string]bool{}
	for i, entry := range entries {
		say := func(format string, args ...any) {
			problems = append(problems, fmt.Sprintf("rule %d: ", i+1)+fmt.Sprintf(format, args...))
		}
		var keys map[string]json.RawMessage
		if err := json.Unmarshal(entry, &keys); err != nil {
			say("%v", err)
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if !logTrackMeans(key) && !bytes.Equal(keys[key], []byte("null")) {
				say("%q has no meaning here and was left out", cut(key))
			}
		}
		var l logTrackRule
		if err := json.Unmarshal(entry, &l); err != nil {
			say("%v", err)
			continue
		}
		r, err := l.rule(detectors)
		switch {
		case err != nil:
			say("%v", err)
		case seen[r.Name]:
			say("%s: another rule has this name", r.Name)
		default:
			seen[r.Name] = true
			rules = append(rules, r)
		}
	}
	return rules, problems, nil
}

// rule makes the rule that judges as LogTrack does.
func (l *logTrackRule) rule(detectors detector.Set) (Rule, error) {
	where, detect, err := l.translate()
	if err != nil {
		return Rule{}, fmt.Errorf("%s: %w", cut(l.ID), err)
	}
	var text strings.Builder
	line := func(key, value string) { text.WriteString(key + ": " + value + "\n") }
	line("name", quote(logTrackName(l.ID)))
	if l.Description != "" {
		line("description", quote(l.Description))
	}
	line("from", "log")
	if len(where) > 0 {
		line("where", quote(strings.Join(where, " && ")))
	}
	line("detect", detect)
	rules, err := Decode("LogTrack rule "+cut(l.ID), []byte(text.String()), detectors)
	if err != nil {
		return Rule{}, err
	}
	return rules[0], nil
}

// translate returns the terms of the filter, and the detector as YAML.
func (l *logTrackRule) translate() (where []string, detect string, err error) {
	if l.Service != "" {
		where = append(where, "service.name == "+strconv.Quote(l.Service))
	}
	minutes := strconv.FormatInt(l.WindowMinutes, 10) + "m"
	switch l.Type {
	case "keyword_threshold":
		where = append(where, "like(message, "+strconv.Quote("%"+l.Keyword+"%")+")")
		detect, err = l.threshold(minutes, "")
	case "repeated_message":
		// Of any service. LogTrack takes the name of an event of CloudTrail for its message, which is a whole sentence here.
		message := strconv.Quote(l.Message)
		where = []string{"(message == " + message + ` || event.dataset == "cloudtrail" && event.action == ` + message + ")"}
		detect, err = l.threshold(minutes, "")
	case "user_threshold":
		where = []string{"like(message, " + strconv.Quote("%"+l.Message+"%") + ")"}
		detect, err = l.threshold(minutes, "by: [user.name], ")
	case "rate_spike":
		over := minutes
		if l.WindowSeconds > 0 {
			over = strconv.FormatInt(l.WindowSeconds, 10) + "s"
		}
		detect, err = l.threshold(over, "")
	case "inactivity":
		detect = fmt.Sprintf("{absence: {idle: %dm}}", l.MaxIdleMinutes)
		if l.MaxIdleMinutes <= 0 {
			err = fmt.Errorf("max_idle_minutes: got %d, want 1 or more", l.MaxIdleMinutes)
		}
	case "zscore_anomaly":
		detect = l.zscore()
	default:
		err = fmt.Errorf("rule_type %q: want keyword_threshold, repeated_message, user_threshold, rate_spike, inactivity or zscore_anomaly", cut(l.Type))
	}
	return where, detect, err
}

func (l *logTrackRule) threshold(over, by string) (string, error) {
	if l.Threshold == nil {
		return "", errors.New("threshold: got none, want 1 or more")
	}
	if l.WindowMinutes <= 0 && (l.Type != "rate_spike" || l.WindowSeconds <= 0) {
		return "", fmt.Errorf("window_minutes: got %d, want 1 or more", l.WindowMinutes)
	}
	return fmt.Sprintf("{threshold: {%sover: %s, at_least: %s}}", by, over, strconv.FormatFloat(*l.Threshold, 'f', -1, 64)), nil
}

// zscore falls through zero as LogTrack does: zscore_threshold, else threshold, else 3.
func (l *logTrackRule) zscore() string {
	z, baseline, minutes := 3.0, 6, int64(5)
	for _, v := range []*float64{l.ZScoreThreshold, l.Threshold} {
		if v != nil && *v != 0 {
			z = *v
			break
		}
	}
	if l.BaselineWindows != 0 {
		baseline = l.BaselineWindows
	}
	if l.WindowMinutes != 0 {
		minutes = l.WindowMinutes
	}
	return fmt.Sprintf("{deviation: {bucket: %dm, baseline: %d, z: %s, zero: logtrack, align: newest}}",
		minutes, baseline, strconv.FormatFloat(z, 'f', -1, 64))
}

// logTrackName makes a name of an id: what a name cannot hold becomes a hyphen.
func logTrackName(id string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '-'
	}, id)
	name = strings.TrimLeft(name, "._-")
	return name[:min(len(name), 64)]
}
