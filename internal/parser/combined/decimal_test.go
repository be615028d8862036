package combined

import (
	"bytes"
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// The digits are those that a naive reading finds, whatever stands behind them.
func TestDecimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[0-9]{0,24}`).Draw(t, "digits")
		rest := rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "rest")
		text := append([]byte(digits), rest...)
		width := len(text) - len(bytes.TrimLeft(text, "0123456789"))
		want, err := strconv.ParseInt(string(text[:width]), 10, 64)
		if err != nil && width > 0 {
			want = -1
		}
		if n, w := decimal(text); n != want || w != width {
			t.Fatalf("decimal(%q) = %d, %d, want %d, %d", text, n, w, want, width)
		}
	})
	if n, _ := decimal([]byte("9223372036854775807 ")); n != math.MaxInt64 {
		t.Errorf("the largest number: got %d", n)
	}
}
