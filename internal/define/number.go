package define

import (
	"strconv"
	"strings"

	"tocsin/internal/fault"
)

// maxNumber is the highest limit: up to it every whole number is exact.
const maxNumber = 1 << 53

// suffixes are those of numbers, the largest first: of a thousand each, as networks count.
var suffixes = [...]struct {
	letter string
	of     float64
}{{"T", 1e12}, {"G", 1e9}, {"M", 1e6}, {"k", 1e3}}

// ParseNumber reads a whole number that may have a suffix: k, M, G or T, which are a thousand, a million and so on, as in 100,
// 1.5G or 250k. A K is a k.
func ParseNumber(text string) (float64, error) {
	bad := fault.New(fault.Invalid, "number %.40q: want a whole one, as in 100, 250k, 20M or 1.5G", text)
	digits, zeros := strings.TrimSpace(text), 0
	for i, s := range suffixes {
		rest, ok := strings.CutSuffix(digits, s.letter)
		if !ok && s.letter == "k" {
			rest, ok = strings.CutSuffix(digits, "K")
		}
		if ok {
			digits, zeros = rest, 3*(len(suffixes)-i)
			break
		}
	}
	whole, decimals, _ := strings.Cut(digits, ".")
	decimals = strings.TrimRight(decimals, "0")
	if whole == "" || len(decimals) > zeros || strings.Trim(whole+decimals, "0123456789") != "" {
		return 0, bad
	}
	n, err := strconv.ParseUint(whole+decimals+strings.Repeat("0", zeros-len(decimals)), 10, 64)
	if err != nil || n > maxNumber {
		return 0, bad
	}
	return float64(n), nil
}

// Number writes a whole number so that ParseNumber reads the same one, and short where it is round.
func Number(v float64) string {
	for _, s := range suffixes {
		if v < s.of {
			continue
		}
		short := strconv.FormatFloat(v/s.of, 'f', -1, 64)
		if _, decimals, _ := strings.Cut(short, "."); len(decimals) <= 2 {
			if same, err := ParseNumber(short + s.letter); err == nil && same == v {
				return short + s.letter
			}
		}
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
