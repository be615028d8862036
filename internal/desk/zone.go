package desk

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// zoneName names the zone of this machine, so that others can show times in it: its IANA name where that is known, else how
// far it is from UTC now.
func zoneName(local *time.Location, now time.Time, candidates []string) string {
	for _, name := range candidates {
		if _, after, ok := strings.Cut(name, "zoneinfo/"); ok {
			name = after
		}
		zone, err := time.LoadLocation(name)
		if err == nil && name != "" && name != "Local" && alike(zone, local, now) {
			return name
		}
	}
	return now.In(local).Format("-07:00")
}

// alike reports whether two zones have the same time throughout the last years and the next.
func alike(a, b *time.Location, now time.Time) bool {
	for months := -36; months <= 12; months++ {
		at := now.AddDate(0, months, 0)
		_, x := at.In(a).Zone()
		_, y := at.In(b).Zone()
		if x != y {
			return false
		}
	}
	return true
}

// zoneCandidates are the names that the zone of this machine may have, as zoneinfo(5), tzset(3) and Debian keep them.
func zoneCandidates() (names []string) {
	if tz, set := os.LookupEnv("TZ"); set {
		names = append(names, strings.TrimPrefix(tz, ":"))
	}
	if target, err := filepath.EvalSymlinks("/etc/localtime"); err == nil {
		names = append(names, target)
	}
	if text, err := os.ReadFile("/etc/timezone"); err == nil && len(text) < 100 {
		names = append(names, strings.TrimSpace(string(text)))
	}
	return append(names, "UTC")
}
