package combined_test

import (
	"testing"

	"tocsin/internal/parser/combined"
)

func TestGuess(t *testing.T) {
	score := combined.Format().Guess(&combined.Config{LogFormat: `%t %h %>s "%r"`})
	for range 2 { // what was tried leaves nothing behind
		for line, want := range map[string]int{
			`[10/Mar/2024:11:59:58 +0000] 192.0.2.1 200 "GET / HTTP/1.1"`:               92,
			`192.0.2.1 - - [10/Mar/2024:11:59:58 +0000] "GET / HTTP/1.1" 200 5 "-" "-"`: 0,
			``: 0, `hello`: 0,
		} {
			if got := score([]byte(line)); got != want {
				t.Errorf("Score(%s) = %d, want %d", line, got, want)
			}
		}
	}
	if combined.Format().Guess(combined.Default()) != nil {
		t.Error("the defaults guess, want nil: Score does")
	}
}
