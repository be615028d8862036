package logtrack

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"io/fs"

	"tocsin/internal/api"
	"tocsin/internal/cli"
	"tocsin/internal/fault"
	"tocsin/internal/rule"
)

// rulesFile is where LogTrack keeps its rules; RULES_CONFIG in the environment names another file.
const (
	rulesFile    = "rules_config.json"
	maxRulesFile = 4 << 20
)

// builtin are the rules where there is no such file: as strict as those that LogTrack comes with.
//
//go:embed rules_config.json
var builtin []byte

// An entry is one of LogTrack's rules, and the rule of ours that judges alike.
type entry struct {
	ID              string   `json:"id"`
	Type            string   `json:"rule_type"`
	Service         string   `json:"service"`
	Keyword         string   `json:"keyword"`
	Message         string   `json:"message"`
	Threshold       *float64 `json:"threshold"`
	WindowMinutes   int64    `json:"window_minutes"`
	WindowSeconds   int64    `json:"window_seconds"`
	MaxIdleMinutes  int64    `json:"max_idle_minutes"`
	BaselineWindows int      `json:"baseline_windows"`
	ZScoreThreshold *float64 `json:"zscore_threshold"`

	rule rule.Rule
}

// entries reads the rule file. What could not be taken over is told; of rules with the same name the last one counts.
func (f *face) entries() (list []entry, from string, problems []string, err error) {
	from = f.argument(nil, "RULES_CONFIG")
	text := builtin
	switch read, err := readSmall(orElse(from, rulesFile), maxRulesFile); {
	case err == nil:
		text, from = read, orElse(from, rulesFile)
	case from == "" && errors.Is(err, fs.ErrNotExist):
		from = "built-in rules"
	default:
		return nil, from, nil, cli.Refused(err)
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, from, nil, cli.Refused(fault.New(fault.Invalid, "read %s: want an array of rules: %w", from, err))
	}
	_, problems, err = rule.ImportLogTrack(text, f.Detectors)
	if err != nil {
		return nil, from, nil, cli.Refused(err)
	}
	at := map[string]int{}
	for _, one := range raw {
		rules, _, err := rule.ImportLogTrack(bytes.Join([][]byte{{'['}, one, {']'}}, nil), f.Detectors)
		if err != nil || len(rules) != 1 {
			continue // told among the problems
		}
		var e entry
		if err := json.Unmarshal(one, &e); err != nil {
			continue
		}
		e.rule = rules[0]
		if i, twice := at[e.rule.Name]; twice {
			list[i] = e
			continue
		}
		at[e.rule.Name] = len(list)
		list = append(list, e)
	}
	return list, from, problems, nil
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// load makes the rules of the file ours; those of the same name are changed.
func (f *face) load(ctx context.Context, svc api.Service) error {
	list, from, problems, err := f.entries()
	if err != nil {
		return err
	}
	for _, p := range problems {
		f.note("%s: %s", from, p)
	}
	for _, e := range list {
		edit := api.RuleEdit{Text: e.rule.Text, Replace: true}
		_, err := svc.PutRule(ctx, edit)
		if errors.Is(err, fault.NotFound) {
			edit.Replace = false
			_, err = svc.PutRule(ctx, edit)
		}
		if err != nil {
			return cli.Refused(err)
		}
	}
	if len(list) == 0 {
		return cli.Refused(fault.New(fault.Invalid, "read %s: no rule in it can be judged by", from))
	}
	f.note("%d rules of %s", len(list), from)
	return f.say("Migration complete.")
}
