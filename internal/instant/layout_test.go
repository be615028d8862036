package instant_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/internal/instant"
)

func TestLayouts(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	received := time.Date(2024, 3, 10, 12, 0, 0, 0, time.UTC).UnixNano()
	for _, c := range []struct {
		layout, text string
		want         string // "": no time
		rest         string
		zoned        bool
	}{
		{"rfc3339", "2024-03-10 11:59:58,250 INFO", "2024-03-10T10:59:58.25Z", " INFO", false},
		{"rfc3339", "2024-03-10T11:59:58Z]", "2024-03-10T11:59:58Z", "]", true},
		{"clf", "10/Mar/2024:11:59:58 -0700", "2024-03-10T18:59:58Z", "", true},
		{"syslog", "Mar  9 23:00:00 host", "2024-03-09T22:00:00Z", " host", false},
		{"syslog", "Dec 31 23:00:00 host", "2023-12-31T22:00:00Z", " host", false},
		{"epoch", "1710068398.25 x", "2024-03-10T10:59:58.25Z", " x", true},
		{"epoch", "1710068398123,x", "2024-03-10T10:59:58.123Z", ",x", true},
		{"%s", "1710068398.", "2024-03-10T10:59:58Z", ".", true},
		{"epoch_ms", "1710068398123.5", "2024-03-10T10:59:58.1235Z", "", true},
		{"epoch_ms", "-1500", "1969-12-31T23:59:58.5Z", "", true},
		{"epoch_us", "1710068398123456", "2024-03-10T10:59:58.123456Z", "", true},
		{"epoch_ns", "1710068398123456789", "2024-03-10T10:59:58.123456789Z", "", true},
		{"epoch_ms", "17100683981234567890", "", "", false},
		{"epoch", "x", "", "", false},
		{"%Y-%m-%d %H:%M:%S", "2024-03-10   11:59:58 x", "2024-03-10T10:59:58Z", " x", false},
		{"%F %T.%f%z", "2024-03-10 11:59:58.1234567899+0100", "2024-03-10T10:59:58.123456789Z", "", true},
		{"%y%m%d %H%M%S", "081109 203518 143", "2008-11-09T19:35:18Z", " 143", false},
		{"%d.%m.%Y %H:%M", "1.7.2024 9:05", "2024-07-01T07:05:00Z", "", false},
		{"%a %b %e %H:%M:%S.%f %Y", "Sun Mar  3 14:32:52.5 2024]", "2024-03-03T13:32:52.5Z", "]", false},
		{"%b %d, %Y %I:%M:%S %p", "Mar 10, 2024 12:00:01 AM", "2024-03-09T23:00:01Z", "", false},
		{"%B %d, %Y %I:%M:%S %p", "March 10, 2024 12:00:01 pm", "2024-03-10T11:00:01Z", "", false},
		{"%I %p %d %m", "13 PM 10 03", "", "", false},
		{"%Y-%jT%T%Z", "2024-061T00:00:00UTC", "2024-03-01T00:00:00Z", "", true},
		{"%Y-%j %T", "2023-366 00:00:00", "", "", false},
		{"%T %d %b %Z", "11:00:00 10 Mar CET", "2024-03-10T10:00:00Z", "", false},
		{"%m-%d %T %%", "12-31 11:00:00 %", "2023-12-31T10:00:00Z", "", false}, // the year before
		{"%Y-%m-%d %H", "2024-02-30 11", "", "", false},
		{"%Y-%m-%d %H", "2024-3", "", "", false},
		{"%Y-%m-%d %H", "2024-03-10", "", "", false},
		{"%Y-%m-%d %H", "", "", "", false},
		{"%Y-%m-%d %H:%M:%S", "2024-03-31 02:30:00", "2024-03-31T01:30:00Z", "", false}, // no such hour: taken as if clocks had not changed
		{"%Y-%m-%d %H:%M:%S", "2024-10-27 02:30:00", "2024-10-27T00:30:00Z", "", false}, // twice: the first
	} {
		l, err := instant.NewLayout(c.layout)
		if err != nil {
			t.Errorf("NewLayout(%q) = %v", c.layout, err)
			continue
		}
		at, r, ok := l.Read([]byte(c.text), instant.NewZone(berlin), received)
		if ok != (c.want != "") {
			t.Errorf("%s: Read(%q) = %v, want %q", c.layout, c.text, ok, c.want)
			continue
		}
		if !ok {
			continue
		}
		if got := time.Unix(0, at).UTC().Format(time.RFC3339Nano); got != c.want || c.text[r.Len:] != c.rest || r.HasZone != c.zoned {
			t.Errorf("%s: Read(%q) = %s, rest %q, zone %v, want %s, %q, %v", c.layout, c.text, got, c.text[r.Len:], r.HasZone, c.want, c.rest, c.zoned)
		}
	}
}

func TestLayoutMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"": "want one of rfc3339", "iso": "want one of rfc3339", "%Y-%m-%d": "the day, the month and the hour", "%H:%M": "at least the day",
		"%Y %j": "the hour", "%j %H": "at least", "%Q": "%Q is none of", "%Y-%m-%d %H:%M:%S %": "at the end", "%d %d %m %H": "twice", "%d %m %I": "together",
	} {
		if _, err := instant.NewLayout(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewLayout(%q) = %v, want %q in it", text, err, want)
		}
	}
}

// FuzzLayout holds the directives to package time: what it writes reads as what it was.
func FuzzLayout(f *testing.F) {
	f.Add(int64(1710068398123456789), []byte("2024-03-10 x"))
	f.Add(int64(-1), []byte("%"))
	z := instant.NewZone(time.UTC)
	pairs := map[string]string{
		"%Y-%m-%d %H:%M:%S.%f %z": "2006-01-02 15:04:05.000000000 -0700", "%a %b %e %H:%M:%S.%f %Y": "Mon Jan _2 15:04:05.000000000 2006",
		"%d/%m/%Y %I:%M:%S.%f %p": "02/01/2006 03:04:05.000000000 PM", "%Y.%j.%H%M%S%f": "2006.002.150405.000000000", "%A, %B %d %Y %T.%f": "Monday, January 02 2006 15:04:05.000000000",
	}
	f.Fuzz(func(t *testing.T, ns int64, foul []byte) {
		when := time.Unix(0, ns).UTC()
		for directives, layout := range pairs {
			l, err := instant.NewLayout(directives)
			if err != nil {
				t.Fatal(err)
			}
			if _, r, ok := l.Read(foul, z, ns); ok && (r.Len <= 0 || r.Len > len(foul)) {
				t.Errorf("%s: Read(%q) took %d bytes", directives, foul, r.Len)
			}
			if y := when.Year(); y < 1700 || y > 2200 {
				continue
			}
			text := when.Format(layout)
			if directives == "%Y.%j.%H%M%S%f" {
				text = strings.Replace(text, when.Format("150405")+".", when.Format("150405"), 1)
			}
			if at, r, ok := l.Read([]byte(text), z, 0); !ok || at != ns || r.Len != len(text) {
				t.Errorf("%s: Read(%q) = %d, %v, want %d", directives, text, at, ok, ns)
			}
		}
	})
}

// A wall clock that is put forward or back has a defined reading east and west of Greenwich alike.
func TestChangeOfClocks(t *testing.T) {
	for _, c := range []struct{ place, text, want string }{
		{"Europe/Berlin", "2024-03-31 01:59:59", "2024-03-31T00:59:59Z"},
		{"Europe/Berlin", "2024-03-31 02:30:00", "2024-03-31T01:30:00Z"}, // there is no such time
		{"Europe/Berlin", "2024-03-31 03:00:00", "2024-03-31T01:00:00Z"},
		{"Europe/Berlin", "2024-10-27 02:30:00", "2024-10-27T00:30:00Z"}, // there are two
		{"Europe/Berlin", "2024-10-27 03:00:00", "2024-10-27T02:00:00Z"},
		{"America/New_York", "2024-03-10 01:59:59", "2024-03-10T06:59:59Z"},
		{"America/New_York", "2024-03-10 02:30:00", "2024-03-10T07:30:00Z"},
		{"America/New_York", "2024-03-10 03:00:00", "2024-03-10T07:00:00Z"},
		{"America/New_York", "2024-11-03 01:30:00", "2024-11-03T05:30:00Z"},
		{"America/New_York", "2024-11-03 02:00:00", "2024-11-03T07:00:00Z"},
		{"Asia/Kolkata", "2024-11-03 02:00:00", "2024-11-02T20:30:00Z"},
		{"Pacific/Apia", "2011-12-30 12:00:00", "2011-12-30T22:00:00Z"}, // a day that was left out
	} {
		place, err := time.LoadLocation(c.place)
		if err != nil {
			t.Fatal(err)
		}
		r, ok := instant.RFC3339([]byte(c.text))
		if got := time.Unix(0, instant.NewZone(place).Instant(&r)).UTC().Format(time.RFC3339); !ok || got != c.want {
			t.Errorf("%s in %s is %s, want %s", c.text, c.place, got, c.want)
		}
	}
}

// FuzzZone holds the instants to package time wherever that is sure: the clock of the place shows what was read.
func FuzzZone(f *testing.F) {
	f.Add(int64(1710068398), uint8(0))
	f.Add(int64(1729992600), uint8(1))
	places := []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "America/St_Johns"}
	f.Fuzz(func(t *testing.T, unix int64, which uint8) {
		place, err := time.LoadLocation(places[int(which)%len(places)])
		if err != nil {
			t.Fatal(err)
		}
		if unix < 0 || unix > 4e9 {
			return
		}
		wall := time.Unix(unix, 0).In(place)
		r, ok := instant.RFC3339([]byte(wall.Format("2006-01-02 15:04:05")))
		if !ok {
			t.Fatalf("%v does not read", wall)
		}
		got := time.Unix(0, instant.NewZone(place).Instant(&r)).In(place)
		if got.Format(time.DateTime) != wall.Format(time.DateTime) || got.After(wall) {
			t.Errorf("%v reads as %v", wall, got)
		}
	})
}
