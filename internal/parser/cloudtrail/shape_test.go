package cloudtrail_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/event"
	"tocsin/internal/parser/cloudtrail"
	"tocsin/internal/parser/parsertest"
)

// object draws an object of few names in any order, nested, some names written with escapes or blanks around them.
func object(t *rapid.T, depth int) string {
	var s strings.Builder
	names := []string{"eventName", "userIdentity", "a", "ab", `a\"b`, "responseElements", "", strings.Repeat("n", 70)}
	for i, n := range rapid.SliceOfN(rapid.IntRange(0, len(names)-1), 0, 6).Draw(t, "names") {
		if i > 0 {
			s.WriteByte(',')
		}
		gap := rapid.SampledFrom([]string{"", "", "", " "}).Draw(t, "gap")
		fmt.Fprintf(&s, `%s"%s"%s:`, gap, names[n], gap)
		switch k := rapid.IntRange(0, 4).Draw(t, "value"); {
		case k == 0 && depth < 3:
			s.WriteString(object(t, depth+1))
		case k == 1 && depth < 3:
			s.WriteString("[" + object(t, depth+1) + "," + object(t, depth+1) + "]")
		case k == 2:
			s.WriteString("17")
		default:
			s.WriteString(`"v` + fmt.Sprint(k) + `"`)
		}
	}
	return "{" + s.String() + "}"
}

// What a parser remembers of records makes no difference to those that follow.
func TestMemoryMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, err := cloudtrail.Default().New()
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 12).Draw(t, "records") {
			record := []byte(`{"eventID":"1","x":` + object(t, 0) + `,` + strings.TrimPrefix(object(t, 0)+"}", "{"))
			record = record[:len(record)-1]
			fresh, err := cloudtrail.Default().New()
			if err != nil {
				t.Fatal(err)
			}
			a, b := event.NewBuilder(event.Log), event.NewBuilder(event.Log)
			errA, errB := old.Parse(a, record, parsertest.Received), fresh.Parse(b, record, parsertest.Received)
			if fmt.Sprint(errA) != fmt.Sprint(errB) {
				t.Fatalf("%s: %v, a new parser says %v", record, errA, errB)
			}
			if diff := cmp.Diff(parsertest.JSON(b.Batch()), parsertest.JSON(a.Batch())); diff != "" {
				t.Fatalf("%s (-new parser +old):\n%s", record, diff)
			}
		}
	})
}

// Records with ever other names cost neither memory nor time beyond their length.
func TestEverOtherNames(t *testing.T) {
	p, err := cloudtrail.Default().New()
	if err != nil {
		t.Fatal(err)
	}
	good := []byte(`{"eventName":"a","b":{"c":"d"}}`)
	want, _ := parsertest.Rows(t, event.Log, p, good, parsertest.Received)
	for i := range 40 {
		var s strings.Builder
		s.WriteString(`{"eventName":"x"`)
		for k := range 5000 {
			fmt.Fprintf(&s, `,"k%d":{"n%d":1}`, i*5000+k, k)
		}
		s.WriteString("}")
		if _, bad := parsertest.Rows(t, event.Log, p, []byte(s.String()), parsertest.Received); bad != nil {
			t.Fatal(bad)
		}
	}
	got, bad := parsertest.Rows(t, event.Log, p, good, parsertest.Received)
	if diff := cmp.Diff(want, got); diff != "" || bad != nil {
		t.Errorf("%v (-before +after):\n%s", bad, diff)
	}
}
