package api

// SampleResult is what became of one sample of a rule.
type SampleResult struct {
	Rule   string   `json:"rule"`
	Sample string   `json:"sample"`
	Line   int      `json:"line"` // of the document, where the sample begins
	Passed bool     `json:"passed"`
	Events int      `json:"events"`           // rows that its lines became
	Faults []string `json:"faults,omitempty"` // what is wrong, one line each
}
