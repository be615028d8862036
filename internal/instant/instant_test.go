package instant_test

import (
	"regexp"
	"testing"
	"time"

	"tocsin/internal/instant"
)

var wideOffset = regexp.MustCompile(`[+-](24:..|..:60)$`)

// FuzzRFC3339 holds the reader to package time: whatever that reads, this reads as the same instant.
func FuzzRFC3339(f *testing.F) {
	for _, s := range []string{
		"2024-03-10T11:59:58Z", "2024-02-29T23:59:59.123456789+05:30", "2023-02-29T00:00:00Z", "1678-01-01T00:00:00-23:59",
		"2261-12-31T23:59:59.999999999Z", "2024-03-10T24:00:00Z", "2024-13-01T00:00:00Z", "2024-03-10T11:59:58.Z",
		"2024-03-10T11:59:58-24:59", "2024-03-10T11:59:58+00:60",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || want.Year() < 1679 || want.Year() > 2260 || text[13] != ':' || wideOffset.MatchString(text) {
			return // package time takes hours of one digit and offsets of 24 hours and 60 minutes, the RFC does not
		}
		r, ok := instant.RFC3339([]byte(text))
		if !ok || r.Len != len(text) || !r.HasZone || r.UTC() != want.UnixNano() {
			t.Errorf("RFC3339(%q) = %+v, %v, want %v", text, r, ok, want)
		}
	})
}

// FuzzAll: no reader panics or reads beyond what it is given, and what it takes for a time is a time.
func FuzzAll(f *testing.F) {
	for _, s := range []string{"17/May/2015:10:05:03 +0000", "Jan  2 15:04:05.123 2024:", "Feb 29 2024 10:00:00", "1710068398.25", "2024-03-10 11:59", "-1.5", "99999999999999999999"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, read := range map[string]func([]byte) (instant.Reading, bool){"CLF": instant.CLF, "RFC3339": instant.RFC3339, "BSD": instant.BSD} {
			if r, ok := read(b[:len(b):len(b)]); ok && (!r.Valid() || r.Len < 14 || r.Len > len(b)) {
				t.Errorf("%s(%q) = %+v, want a valid time within the text", name, b, r)
			}
		}
		instant.Epoch(b)
	})
}

func TestReaders(t *testing.T) {
	at := func(text string) int64 {
		v, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return v.UnixNano()
	}
	for _, c := range []struct {
		name string
		read func([]byte) (instant.Reading, bool)
		text string
		want string // empty: no time
		len  int
		zone bool
	}{
		{"CLF", instant.CLF, "17/May/2015:10:05:03 +0000", "2015-05-17T10:05:03Z", 26, true},
		{"CLF", instant.CLF, "10/Oct/2000:13:55:36 -0730]", "2000-10-10T21:25:36Z", 26, true},
		{"CLF", instant.CLF, "10/oct/2000:13:55:36]", "2000-10-10T13:55:36Z", 20, false},
		{"CLF", instant.CLF, "10/Oct/2000:13:55:60 +0000", "2000-10-10T13:56:00Z", 26, true},
		{"CLF", instant.CLF, "31/Apr/2000:13:55:36 +0000", "", 0, false},
		{"CLF", instant.CLF, "10/Oct/2000:13:55:3", "", 0, false},
		{"CLF", instant.CLF, "10/Oct/1492:13:55:36 +0000", "", 0, false},
		{"RFC3339", instant.RFC3339, "2024-03-10 11:59:58,250 +0100 x", "2024-03-10T10:59:58.25Z", 29, true},
		{"RFC3339", instant.RFC3339, "2024-03-10t11:59:58z", "2024-03-10T11:59:58Z", 20, true},
		{"RFC3339", instant.RFC3339, "2024-03-10T11:59+01", "2024-03-10T10:59:00Z", 19, true},
		{"RFC3339", instant.RFC3339, "2024-03-10T11:59:58.1234567891", "2024-03-10T11:59:58.123456789Z", 30, false},
		{"RFC3339", instant.RFC3339, "2024-03-10 11:59:58 UTC x", "2024-03-10T11:59:58Z", 23, true},
		{"RFC3339", instant.RFC3339, "2024-03-10 11:59:58.5 GMT", "2024-03-10T11:59:58.5Z", 25, true},
		{"RFC3339", instant.RFC3339, "2024-03-10 11:59:58 Z", "2024-03-10T11:59:58Z", 21, true},
		{"RFC3339", instant.RFC3339, "2024-03-10 11:59:58 UTCX", "2024-03-10T11:59:58Z", 19, false},
		{"RFC3339", instant.RFC3339, "2024-03-10 11:59:58 Zoe", "2024-03-10T11:59:58Z", 19, false},
		{"RFC3339", instant.RFC3339, "2024-03-10 11:59:58 CET", "2024-03-10T11:59:58Z", 19, false},
		{"RFC3339", instant.RFC3339, "0000-03-10T11:59:58Z", "", 0, false},
		{"RFC3339", instant.RFC3339, "2100-02-29T11:59:58Z", "", 0, false},
		{"BSD", instant.BSD, "Mar  1 18:46:11.5 2024:", "2024-03-01T18:46:11.5Z", 22, false},
		{"BSD", instant.BSD, "Mar 1 2024 18:46:11", "2024-03-01T18:46:11Z", 19, false},
		{"BSD", instant.BSD, "Mar 10 18:46:11 1234 items", "", -1, false}, // no year: 1234 is none
	} {
		r, ok := c.read([]byte(c.text))
		switch {
		case c.len == -1:
			if !ok || r.Year != 0 {
				t.Errorf("%s(%q) = %+v, %v, want a time without a year", c.name, c.text, r, ok)
			}
		case ok != (c.want != ""):
			t.Errorf("%s(%q) = %+v, %v, want %q", c.name, c.text, r, ok, c.want)
		case ok && (r.UTC() != at(c.want) || r.Len != c.len || r.HasZone != c.zone):
			t.Errorf("%s(%q) = %v, %+v, want %s, length %d, zone %v", c.name, c.text, time.Unix(0, r.UTC()).UTC(), r, c.want, c.len, c.zone)
		}
	}
}

func TestEpoch(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1710068398": 1710068398e9, "1710068398.25": 171006839825e7, "1710068398123": 1710068398123e6,
		"1710068398123456": 1710068398123456e3, "1710068398123456789": 1710068398123456789, "1710068398.123456789987": 1710068398123456789,
		"99999999999": -1, "1710068398123.5": 17100683981235e5, "-1.5": -15e8, "": -1, ".5": -1, "5.": -1, "1e9": -1, "12a": -1,
		"9223372036854775807": 9223372036854775807, "9223372036854775808": -1, "99999999999999999999999": -1,
	} {
		got, ok := instant.Epoch([]byte(text))
		if ok != (want != -1) || ok && got != want {
			t.Errorf("Epoch(%q) = %d, %v, want %d", text, got, ok, want)
		}
	}
}

// The year is the latest that puts a time not more than a day after its receipt.
func TestNear(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		place    *time.Location
		text     string
		received string
		want     string
	}{
		{nil, "Mar 10 12:00:00", "2024-03-10T12:00:00Z", "2024-03-10T12:00:00Z"},
		{nil, "Mar 11 12:00:00", "2024-03-10T12:00:00Z", "2024-03-11T12:00:00Z"},
		{nil, "Mar 11 12:00:01", "2024-03-10T12:00:00Z", "2023-03-11T12:00:01Z"},
		{nil, "Dec 31 23:59:59", "2024-01-01T00:00:01Z", "2023-12-31T23:59:59Z"},
		{nil, "Jan  1 00:00:01", "2023-12-31T23:59:59Z", "2024-01-01T00:00:01Z"},
		{nil, "Feb 29 10:00:00", "2023-06-01T00:00:00Z", "2020-02-29T10:00:00Z"},
		{nil, "Feb 29 10:00:00", "2103-06-01T00:00:00Z", "2096-02-29T10:00:00Z"},
		{berlin, "Jan  1 00:30:00", "2023-12-31T23:40:00Z", "2023-12-31T23:30:00Z"},
		{berlin, "Jul  1 12:00:00", "2024-12-31T23:40:00Z", "2024-07-01T10:00:00Z"},
	} {
		received, _ := time.Parse(time.RFC3339, c.received)
		r, ok := instant.BSD([]byte(c.text))
		got := time.Unix(0, instant.NewZone(c.place).Near(&r, received.UnixNano())).UTC().Format(time.RFC3339)
		if !ok || got != c.want {
			t.Errorf("Near(%q, %s, %v) = %s, want %s", c.text, c.received, c.place, got, c.want)
		}
	}
}

// A zone gives what package time gives, but in the hours that a change of clocks takes out or doubles: see TestChangeOfClocks.
func TestZone(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"} {
		place, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		z := instant.NewZone(place)
		for minute := 0; minute < 366*24*60; minute += 7 {
			wall := time.Date(2024, 1, 1, 0, minute, 13, 5, time.UTC)
			r := instant.Reading{Year: wall.Year(), Month: int(wall.Month()), Day: wall.Day(), Hour: wall.Hour(), Minute: wall.Minute(), Second: 13, Nanos: 5}
			want := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 13, 5, place)
			_, early := want.Add(-time.Hour).Zone()
			_, late := want.Add(time.Hour).Zone()
			if got := z.Instant(&r); got != want.UnixNano() && early == late {
				t.Fatalf("%s: Instant(%v) = %d, want %d", name, wall, got, want.UnixNano())
			}
		}
	}
}

// What the clock shows twice is the first time; what it never shows counts on from before.
func TestClockChanges(t *testing.T) {
	for _, c := range []struct{ place, wall, want string }{
		{"Europe/Berlin", "2024-10-27 01:59:59", "2024-10-26T23:59:59Z"},
		{"Europe/Berlin", "2024-10-27 02:00:00", "2024-10-27T00:00:00Z"},
		{"Europe/Berlin", "2024-10-27 02:59:59", "2024-10-27T00:59:59Z"},
		{"Europe/Berlin", "2024-10-27 03:00:00", "2024-10-27T02:00:00Z"},
		{"Europe/Berlin", "2024-03-31 01:59:59", "2024-03-31T00:59:59Z"},
		{"Europe/Berlin", "2024-03-31 02:30:00", "2024-03-31T01:30:00Z"},
		{"Europe/Berlin", "2024-03-31 03:00:00", "2024-03-31T01:00:00Z"},
		{"America/New_York", "2024-11-03 01:30:00", "2024-11-03T05:30:00Z"},
		{"America/New_York", "2024-11-03 02:00:00", "2024-11-03T07:00:00Z"},
		{"America/New_York", "2024-03-10 02:30:00", "2024-03-10T07:30:00Z"},
		{"Australia/Lord_Howe", "2024-04-07 01:45:00", "2024-04-06T14:45:00Z"}, // back by half an hour at 02:00
		{"Australia/Lord_Howe", "2024-10-06 02:15:00", "2024-10-05T15:45:00Z"},
		{"Pacific/Apia", "2011-12-30 12:00:00", "2011-12-30T22:00:00Z"}, // a day that was skipped
	} {
		place, err := time.LoadLocation(c.place)
		if err != nil {
			t.Fatal(err)
		}
		r, ok := instant.RFC3339([]byte(c.wall))
		if got := time.Unix(0, instant.NewZone(place).Instant(&r)).UTC().Format(time.RFC3339); !ok || got != c.want {
			t.Errorf("%s %s is %s, want %s", c.place, c.wall, got, c.want)
		}
	}
}

func TestTAI64N(t *testing.T) {
	for text, want := range map[string]int64{
		"@4000000037c219bf2ef02e94":   935467445_787492500, // 1999-08-24 04:04:05 UTC on hosts that count no leap seconds
		"@4000000037C219BF2EF02E94 x": 935467445_787492500,
		"@400000000000000a00000000":   0,
		"@400000000000000900000000":   -1, // before 1970
		"@4000000037c219bf3b9aca00":   -1, // nanoseconds are fewer
		"@7fffffffffffffff00000000":   -1,
		"@4000000037c219bf2ef02e9":    -1,
		"@4000000037c219bf2ef02e9g":   -1,
		"4000000037c219bf2ef02e94":    -1,
	} {
		got, ok := instant.TAI64N([]byte(text))
		if ok != (want != -1) || ok && got != want {
			t.Errorf("TAI64N(%q) = %d, %v, want %d", text, got, ok, want)
		}
	}
}
