package conformance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/instant"
)

// moment is the time that most dates of fail2ban's tests mean, 23 January 2005, 21:59:59 in Zurich.
const moment = 1106513999

var (
	dateCase = regexp.MustCompile(`(?m)^\t+\((?:True|False), +(?:True|False), +"([^"]+)",`)
	zoneCase = regexp.MustCompile(`(?m)^\t+\((None|'[^']*'), +logdt(?:\+'([^']*)')?, +(dtUTC|dt\(([\d, ]+)\))\)`)
	isoCase  = regexp.MustCompile(`getDate\("([^"]+)"\)\[0\]\)\n\t+self\.assertEqual\(\n\t+date,\n\t+datetime\.datetime\(([\d, ]+)\)`)
	isoNone  = regexp.MustCompile(`iso8601\.getDate\("([^"]*)"\), None`)
)

// TestDates reads the dates of fail2ban's tests of its date detector.
func TestDates(t *testing.T) {
	dir := samples(t, "fail2ban", "fail2ban/fail2ban/fail2ban/tests", fail2banPackage)
	content, err := os.ReadFile(filepath.Join(dir, "datedetectortestcase.py"))
	if err != nil {
		t.Fatal(err)
	}
	source := string(content)
	var verdicts []verdict
	add := func(list, date, zone string, want int64, none bool) {
		v := verdict{id: name(list, date+zone), line: zone + " " + date}
		var got int64
		got, v.format = readDate(t, date, zone)
		switch {
		case v.format == "" && !none:
			v.wrong = "no reader fits"
		case v.format != "" && none:
			v.wrong = "it is read as " + time.Unix(0, got).UTC().String()
		case v.format != "" && got/1e9 != want:
			v.wrong = fmt.Sprintf("%s, want %s", time.Unix(0, got).UTC(), time.Unix(want, 0).UTC())
		}
		verdicts = append(verdicts, v)
	}
	for _, m := range dateCase.FindAllStringSubmatch(source, -1) {
		add("dates", m[1], "Europe/Zurich", moment, m[1] == "no date line")
	}
	for _, m := range isoCase.FindAllStringSubmatch(source, -1) {
		add("iso8601", m[1], "UTC", pythonTime(t, m[2]), false)
	}
	for _, m := range isoNone.FindAllStringSubmatch(source, -1) {
		add("iso8601", m[1], "UTC", 0, true)
	}
	for _, m := range zoneCase.FindAllStringSubmatch(source, -1) {
		want := pythonTime(t, "2017, 1, 23, 15, 0")
		if m[4] != "" {
			want = pythonTime(t, m[4])
		}
		add("zones", "2017-01-23 15:00:00"+m[2], strings.Trim(m[1], "'"), want, false)
	}
	settle(t, "dates", verdicts)
}

// readDate reads a date with the first reader that takes all of it, in a zone as fail2ban names them.
func readDate(t *testing.T, date, zone string) (ns int64, reader string) {
	z := instant.NewZone(fail2banZone(t, zone))
	for _, r := range []struct {
		name string
		read func([]byte) (instant.Reading, bool)
	}{{"RFC3339", instant.RFC3339}, {"CLF", instant.CLF}, {"BSD", instant.BSD}} {
		v, ok := r.read([]byte(date))
		switch {
		case !ok || v.Len != len(date):
		case v.Year == 0:
			return z.Near(&v, fail2banNow*1e9), r.name
		default:
			return z.Instant(&v), r.name
		}
	}
	if ns, ok := instant.TAI64N([]byte(date)); ok {
		return ns, "TAI64N"
	}
	if ns, ok := instant.Epoch([]byte(date)); ok {
		return ns, "Epoch"
	}
	return 0, ""
}

// fail2banZone makes a zone of its names for them: None for the one of its tests, UTC+0300, +0100, CET, CEST, CET+01.
func fail2banZone(t *testing.T, zone string) *time.Location {
	if zone == "None" {
		zone = "Europe/Zurich"
	}
	if place, err := time.LoadLocation(zone); err == nil && strings.Contains(zone, "/") {
		return place
	}
	letters := strings.TrimRight(zone, "+-0123456789")
	seconds := map[string]int{"CET": 3600, "CEST": 7200}[letters]
	if offset := zone[len(letters):]; offset != "" {
		for len(offset) < 5 {
			offset += "0"
		}
		hours, err1 := strconv.Atoi(offset[1:3])
		minutes, err2 := strconv.Atoi(offset[3:5])
		if err1 != nil || err2 != nil {
			t.Fatalf("zone %q", zone)
		}
		sign := 1
		if offset[0] == '-' {
			sign = -1
		}
		seconds += sign * (hours*3600 + minutes*60)
	}
	return time.FixedZone(zone, seconds)
}

// pythonTime reads the arguments of datetime.datetime.
func pythonTime(t *testing.T, arguments string) int64 {
	n := [6]int{}
	for i, a := range strings.Split(arguments, ",") {
		v, err := strconv.Atoi(strings.TrimSpace(a))
		if err != nil || i >= len(n) {
			t.Fatalf("datetime(%s)", arguments)
		}
		n[i] = v
	}
	return time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC).Unix()
}
