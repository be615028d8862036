package combined

import (
	"sync"

	"tocsin/internal/event"
	"tocsin/internal/parser"
)

// guess makes a Score from settings: 92 for a line in the order of log_format, 0 for others. Without log_format the lines tell
// nothing that Score does not.
func guess(config parser.Config) func(record []byte) int {
	c, ok := config.(*Config)
	if !ok || c.LogFormat == "" {
		return nil
	}
	p, err := c.New()
	if err != nil {
		return nil
	}
	var mu sync.Mutex // of the parser and the rows
	rows := event.NewBuilder(event.Log)
	return func(record []byte) int {
		mu.Lock()
		defer mu.Unlock()
		defer rows.Truncate(0)
		if p.Parse(rows, record, 0) != nil || rows.Rows() == 0 {
			return 0
		}
		return 92
	}
}
