// Package novelty is the detector that tells when something is seen for the first time: a device, a country of a user, a
// service on a port.
package novelty

import (
	"bufio"
	_ "embed" // the sample
	"errors"
	"fmt"
	"io/fs"
	"math"
	"regexp"
	"strings"
	"time"

	"tocsin/internal/detector"
	"tocsin/internal/document"
	"tocsin/internal/event"
	"tocsin/internal/view"
	"tocsin/internal/window"
)

// Sample is a block of configuration that names every setting.
//
//go:embed sample.yaml
var Sample string

// Config is the block of a rule.
type Config struct {
	// By names the fields whose values make an entity. No default: at least one.
	By []string `yaml:"by"`
	// Known are entities that are no news: a list, or the name of one, which is the file lists/NAME.txt with one entity a
	// line. Values of several fields are separated by commas. Default none.
	Known document.Node `yaml:"known"`
	// Learn is how long, from the first event of all on, whatever is seen becomes known without a finding. off to 366d.
	// Default 7d.
	Learn time.Duration `yaml:"learn"`
	// Forget is after how long without being seen an entity is news again; off or 24h to 3660d. Default off: never.
	Forget time.Duration `yaml:"forget"`
	// Again says whether an entity that fired fires once more on each later day (UTC) on which it is seen: daily or never.
	// Default never.
	Again string `yaml:"again"`
	// EndAfter is how long after its last trigger the alert ends; 1s to 366d. Default 24h.
	EndAfter time.Duration `yaml:"end_after"`
	// Memory bounds what the detector keeps, in MiB, 1 or more. Default 256.
	Memory int `yaml:"memory"`
}

// Default returns the settings that a rule begins with.
func Default() detector.Config {
	return &Config{Learn: 7 * 24 * time.Hour, Again: "never", EndAfter: 24 * time.Hour, Memory: 256}
}

const (
	dayLength = 24 * time.Hour
	year      = 366 * dayLength
	maxKnown  = 1_000_000
	maxList   = 64 << 20 // bytes of a list
)

var listName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Reads implements detector.Config.
func (c *Config) Reads() ([]event.FieldID, bool) { return window.Reads(view.Expand(c.By), nil, "") }

// Validate tells everything that is wrong.
func (c *Config) Validate() error {
	var errs []error
	keys, err := window.NewKeys(view.Expand(c.By))
	if err == nil {
		err = view.Check(c.By, nil)
	}
	switch {
	case err != nil:
		errs = append(errs, err)
	case len(c.By) == 0:
		errs = append(errs, document.At("by", "nothing", "one field or more"))
	default:
		if _, err := c.inline(keys); err != nil {
			errs = append(errs, err)
		}
	}
	if c.Learn < 0 || c.Learn > year {
		errs = append(errs, document.At("learn", c.Learn, "off to 366d"))
	}
	if c.Forget != 0 && c.Forget < dayLength || c.Forget > 10*year {
		errs = append(errs, document.At("forget", c.Forget, "off, or 1d to 3660d"))
	}
	if c.Again != "daily" && c.Again != "never" {
		errs = append(errs, document.At("again", c.Again, "daily or never"))
	}
	if c.EndAfter < time.Second || c.EndAfter > year {
		errs = append(errs, document.At("end_after", c.EndAfter, "1s to 366d"))
	}
	if c.Memory < 1 || c.Memory > 1<<20 {
		errs = append(errs, document.At("memory", c.Memory, "1 to 1048576 (MiB)"))
	}
	return errors.Join(errs...)
}

// inline returns the keys of a list that stands in the rule; none when it is the name of one.
func (c *Config) inline(keys *window.Keys) (known map[string]bool, err error) {
	known = map[string]bool{}
	if !c.Known.IsList() {
		var name string
		if err := c.Known.Decode(&name); err != nil {
			return nil, err
		}
		if name != "" && !listName.MatchString(name) {
			return nil, document.At("known", name, "a list, or the name of one: letters, digits, points, hyphens and underscores")
		}
		return known, nil
	}
	if len(c.Known.Items()) > maxKnown {
		return nil, document.At("known", len(c.Known.Items()), "1000000 entries or fewer")
	}
	var errs []error
	for _, item := range c.Known.Items() {
		var text string
		if err := item.Decode(&text); err != nil {
			errs = append(errs, err)
			continue
		}
		if err := addKnown(known, keys, text); err != nil {
			errs = append(errs, item.Mistake(fmt.Sprintf("%q", text), err.Error()))
		}
	}
	return known, errors.Join(errs...)
}

func addKnown(known map[string]bool, keys *window.Keys, text string) error {
	values := []string{text}
	if keys.Len() > 1 {
		values = strings.Split(text, ",")
		for i := range values {
			values[i] = strings.TrimSpace(values[i])
		}
	}
	key, err := keys.Parse(values...)
	if err == nil {
		known[key] = true
	}
	return err
}

// named reads the list lists/NAME.txt. Empty lines and those that begin with # do not count.
func named(known map[string]bool, keys *window.Keys, files fs.FS, name string) error {
	if files == nil {
		return fmt.Errorf("read list %s: there are no lists", name)
	}
	path := "lists/" + name + ".txt"
	info, err := fs.Stat(files, path)
	if err != nil {
		return fmt.Errorf("read list %s: %w", name, err)
	}
	if info.Size() > maxList {
		return fmt.Errorf("read list %s: %d bytes, want %d or fewer", name, info.Size(), maxList)
	}
	f, err := files.Open(path)
	if err != nil {
		return fmt.Errorf("read list %s: %w", name, err)
	}
	lines := bufio.NewScanner(f)
	for no := 1; lines.Scan(); no++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if err := addKnown(known, keys, line); err != nil {
			return errors.Join(fmt.Errorf("read list %s: line %d: %w", name, no, err), f.Close())
		}
	}
	if err := errors.Join(lines.Err(), f.Close()); err != nil {
		return fmt.Errorf("read list %s: %w", name, err)
	}
	return nil
}

// New returns a detector that has seen nothing.
func (c *Config) New(files fs.FS) (detector.Detector, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	keys, err := window.NewKeys(view.Expand(c.By))
	if err != nil {
		return nil, err
	}
	known, err := c.inline(keys)
	if err != nil {
		return nil, err
	}
	if !c.Known.IsList() && !c.Known.IsZero() {
		if err := named(known, keys, files, c.Known.String()); err != nil {
			return nil, err
		}
	}
	return &lookout{
		known: known, learn: int64(c.Learn), forget: int64(c.Forget), daily: c.Again == "daily", end: int64(c.EndAfter),
		room: c.Memory << 20, view: view.Of(c.By), table: window.NewTable(keys), judged: math.MinInt64, start: math.MaxInt64,
		due: window.NewCalendar(int64(time.Minute)),
	}, nil
}
