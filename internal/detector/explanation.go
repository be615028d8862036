package detector

import "tocsin/internal/alert"

// An Explanation says how the entity of one row stands, and what the row would change were it to come now.
type Explanation struct {
	// Lacks names the field of by, or the one measured, that the row does not have. Such a row does not count, and all else
	// is empty.
	Lacks string
	// Entity is whom the row is counted for.
	Entity alert.Entity
	// At is the time for which the state was worked out, in nanoseconds since 1970 UTC: when the row happens, or later
	// when more is known of the entity already.
	At int64
	// Settles is the watermark at which it is decided whether the row fires.
	Settles int64
	// Late says that the row lies behind the watermark, so that it would not be judged; the rest goes by one just ahead of it.
	Late bool
	// Known says that something is kept of the entity, Open that an alert of it stands at that time.
	Known, Open bool
	// Fires says that the row leads to a trigger which there is not without it. Already says that without it there is one too that nobody was told of yet.
	Fires, Already bool
	// Value is what is measured without the row and With what it is with it; Limit is what they are held against, of which
	// Below says that falling short is the fault. Unset when nothing can be measured yet, which Facts say.
	Value, With, Limit float64
	Below, Estimate    bool
	// Text is one sentence for people that names the values.
	Text string
	// Facts are the details, in the order in which people want them.
	Facts []Fact
}

// A Fact is one detail of an explanation.
type Fact struct {
	Name string // a word or two: "oldest", "leaves"
	Text string // for people; "" when the fact is an instant
	Time int64  // nanoseconds since 1970 UTC; 0 when the fact is no instant
}

// Say appends a fact in words.
func (x *Explanation) Say(name, text string) { x.Facts = append(x.Facts, Fact{Name: name, Text: text}) }

// When appends a fact that is an instant.
func (x *Explanation) When(name string, t int64) {
	x.Facts = append(x.Facts, Fact{Name: name, Time: t})
}

// Triggers adds up the triggers of findings.
func Triggers(findings []alert.Finding) (n int) {
	for i := range findings {
		n += findings[i].Triggers
	}
	return n
}

// Foremost returns, of what one row is to several entities, that which people ask for: the one that fires, else the one
// that comes nearest to its limit. What the row is to the others stands among its facts. There must be one at least.
func Foremost(all []Explanation) Explanation {
	best := 0
	for i := range all {
		if all[i].ahead(&all[best]) {
			best = i
		}
	}
	x := all[best]
	for i := range all {
		if i != best && all[i].Lacks == "" {
			x.Say("also counts for", all[i].Entity.String()+": "+all[i].Text)
		}
	}
	return x
}

// ahead reports whether people rather ask for x than for y.
func (x *Explanation) ahead(y *Explanation) bool {
	switch {
	case (x.Lacks == "") != (y.Lacks == ""):
		return x.Lacks == ""
	case x.Fires != y.Fires:
		return x.Fires
	case x.Open != y.Open:
		return x.Open
	case x.Below:
		return x.With < y.With
	}
	return x.With > y.With
}
