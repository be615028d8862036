package threshold

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/event"
)

// A Peaks is settings whose detector finds nothing, but remembers the most that it measured of each entity: what a limit is
// chosen by. It is for one detector. Judge it three windows beyond the last event, so that what is open ends.
type Peaks struct {
	Config // with no more than nothing for a limit

	of map[string]Peak
	// Left counts entities that are not among the peaks, as there are a million already.
	Left int
}

// A Peak is the most that was measured of an entity over any one window.
type Peak struct {
	Entity   alert.Entity
	Value    float64
	Time     int64 // when it was reached, or told of, in nanoseconds since 1970 UTC
	Estimate bool
}

// maxPeaks bounds how many entities are remembered.
const maxPeaks = 1_000_000

// Peaks returns the settings with which the peaks are found. A limit that falling short of breaks has none.
func (c *Config) Peaks() (*Peaks, error) {
	if c.Below != nil || c.AtMost != nil {
		return nil, errors.New("peaks: want an upper limit (above or at_least)")
	}
	p := &Peaks{Config: *c, of: map[string]Peak{}}
	p.Above, p.AtLeast = new(float64), nil
	return p, nil
}

// New returns the detector.
func (p *Peaks) New(files fs.FS) (detector.Detector, error) {
	made, err := p.Config.New(files)
	if err != nil {
		return nil, err
	}
	d, ok := made.(*judge)
	if !ok {
		return nil, errors.New("peaks: this detector has none")
	}
	d.keep = maxDistinct + 1 // the limit does not say how many are to be told apart
	return &peakJudge{judge: d, peaks: p}, nil
}

// Exact returns settings that judge as these do, and whose findings tell how many members there were beyond the limit, where
// a running rule remembers no more than decide. It is for looking back.
func (c *Config) Exact() detector.Config { return &exactly{*c} }

type exactly struct{ Config }

func (c *exactly) New(files fs.FS) (detector.Detector, error) {
	made, err := c.Config.New(files)
	if d, ok := made.(*judge); ok && err == nil {
		d.keep = maxDistinct + 1
	}
	return made, err
}

// List returns the peaks, highest first, and of equal ones in the order of their entities.
func (p *Peaks) List() []Peak {
	type keyed struct {
		Peak

		key string
	}
	list := make([]keyed, 0, len(p.of))
	for key, one := range p.of {
		list = append(list, keyed{one, key})
	}
	slices.SortFunc(list, func(a, b keyed) int { return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(a.key, b.key)) })
	peaks := make([]Peak, len(list))
	for i := range list {
		peaks[i] = list[i].Peak
	}
	return peaks
}

// take notes what a finding tells of its entity.
func (p *Peaks) take(f *alert.Finding) {
	key := f.Entity.Key()
	have, known := p.of[key]
	switch {
	case !known && len(p.of) >= maxPeaks:
		p.Left++
	case !known || f.Value > have.Value:
		p.of[key] = Peak{Entity: f.Entity, Value: f.Value, Time: f.Time, Estimate: have.Estimate || f.Estimate}
	case f.Estimate && !have.Estimate:
		have.Estimate = true
		p.of[key] = have
	}
}

// peakJudge is a judge whose findings become peaks.
type peakJudge struct {
	*judge

	peaks *Peaks
}

func (d *peakJudge) Judge(w event.Watermark) []alert.Finding {
	found := d.judge.Judge(w)
	for i := range found {
		d.peaks.take(&found[i])
	}
	return nil
}

// Early finds nothing either.
func (d *peakJudge) Early() []alert.Finding { return nil }
