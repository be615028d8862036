package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/alert"
	"tocsin/internal/event"
)

// Bounds, in bytes, of what comes from outside and is stored.
const (
	maxKey     = 512 // an index entry of PostgreSQL must stay below 2,704 bytes
	maxTitle   = 512
	maxReason  = 2048
	maxValue   = 1024 // of one field of an entity
	maxPairs   = 16
	maxAnswer  = 4096
	maxSample  = 16 << 10
	maxSamples = 6 // the first three and the last three
	maxOdd     = 3 // of when it was most unusual
)

// clean makes text that both databases store and give back unchanged: PostgreSQL takes neither NUL nor foul UTF-8.
func clean(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// cut cleans s and shortens it to at most limit bytes, marking that it did.
func cut(s string, limit int) string {
	if s = clean(s); len(s) <= limit {
		return s
	}
	const mark = "…"
	end := limit - len(mark)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}

// cutAnswer keeps the beginning and, as errors stand last, more of the end.
func cutAnswer(s string) string {
	if s = clean(s); len(s) <= maxAnswer {
		return s
	}
	from := len(s) - maxAnswer*3/4
	for from < len(s) && !utf8.RuneStart(s[from]) {
		from++
	}
	return cut(s, maxAnswer/4) + s[from:]
}

// entityKey is equal exactly for equal entities, and short: one that is long or foul ends in its checksum.
func entityKey(e alert.Entity) string {
	full := e.Key()
	if len(full) <= maxKey && clean(full) == full {
		return full
	}
	sum := sha256.Sum256([]byte(full))
	return cut(full, maxKey-2-2*len(sum)) + "#" + hex.EncodeToString(sum[:])
}

func cleanEntity(e alert.Entity) alert.Entity {
	kept := make(alert.Entity, 0, min(len(e), maxPairs))
	for _, p := range e[:cap(kept)] {
		kept = append(kept, alert.Pair{Field: cut(p.Field, maxKey), Value: cut(p.Value, maxValue)})
	}
	return kept
}

// finite keeps numbers to those that JSON and both databases can hold: SQLite stores not-a-number as NULL.
func finite(v float64) float64 {
	switch {
	case math.IsNaN(v):
		return 0
	case math.IsInf(v, 0):
		return math.Copysign(math.MaxFloat64, v)
	}
	return v
}

// nanos is t as stored, and instant its inverse: 0 is the zero time.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// encode writes what we made ourselves; it cannot fail for the types that it is used with.
func encode(v any) (string, error) {
	text, err := json.Marshal(v)
	return clean(string(text)), err
}

func decodePosition(text string) (p event.Position, err error) {
	if text == "" {
		return p, nil
	}
	if err = json.Unmarshal([]byte(text), &p); err != nil {
		return p, fmt.Errorf("decode position %q: %w", text, err)
	}
	return p, nil
}

// join is the least position that has seen what stored and fresh have. A fresh position of another epoch takes over.
func join(stored, fresh event.Position) event.Position {
	if stored.Covers(fresh) {
		return stored
	}
	if stored.Epoch != fresh.Epoch {
		return fresh
	}
	for part, seq := range stored.Seqs {
		if seq > fresh.Seq(part) {
			fresh = fresh.With(part, seq)
		}
	}
	return fresh
}
