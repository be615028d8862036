package web

import (
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/web/webtest"
)

// However few steps there are, no two of the times below a chart stand in one place.
func TestMarksOfFewSteps(t *testing.T) {
	start := time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)
	for steps, want := range map[int]string{1: "", 2: "0.0 100.0", 3: "0.0 50.0 100.0", 4: "0.0 33.3 66.7 100.0", 5: "0.0 25.0 50.0 75.0 100.0", 61: "0.0 25.0 50.0 75.0 100.0"} {
		row := trafficRow{Name: "a"}
		for i := range steps {
			row.Line = append(row.Line, float64(i+1))
		}
		var got []string
		if c := newChart(&api.TrafficAnswer{Start: start, Bucket: time.Minute}, []trafficRow{row}, "bytes", start.Add(time.Duration(steps)*time.Minute)); c != nil {
			for _, h := range c.Hours {
				got = append(got, h.Across)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("of %d steps marks stand at %q, want %q", steps, got, want)
		}
	}
}

func TestSI(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.0125: "0.0125", 0.025: "0.025", 0.75: "0.75", 1: "1", 1.5: "1.50", 12.5: "12.5", 125: "125", 1250: "1.25 k", 37500: "37.5 k", 2.5e9: "2.50 G", 5e20: "500 E"} {
		got := strings.TrimSuffix(strings.ReplaceAll(si(v), "\u2009", " "), " ")
		if got != want {
			t.Errorf("si(%v) = %q, want %q", v, got, want)
		}
	}
}

// unreadable lists the words of charts that are smaller than 11 pixels of the screen as they are drawn, stand in each other or beside
// their chart; and that there is no chart.
const unreadable = `(() => {
  const wrong = [], charts = document.querySelectorAll("figure.chart");
  if (!charts.length) wrong.push("there is no chart");
  for (const chart of charts) {
    const all = [...chart.querySelectorAll("text")].filter((e) => e.checkVisibility());
    if (all.length < 8) wrong.push(all.length + " words at the axes");
    const boxes = all.map((e) => ({ text: e.textContent, box: e.getBoundingClientRect(), size: parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().d, wide: parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().a }));
    const room = chart.getBoundingClientRect();
    for (const [i, a] of boxes.entries()) {
      if (Math.min(a.size, a.wide) < 11) wrong.push(a.text + " is " + a.size + " pixels high");
      if (a.box.left < room.left || a.box.right > room.right || a.box.top < room.top || a.box.bottom > room.bottom) wrong.push(a.text + " stands beside the chart");
      for (const b of boxes.slice(i + 1)) {
        if (a.box.left < b.box.right && b.box.left < a.box.right && a.box.top < b.box.bottom - 3 && b.box.top < a.box.bottom - 3) wrong.push(a.text + " and " + b.text + " stand in each other");
      }
    }
    if (chart.querySelector("svg").getBoundingClientRect().height < 100) wrong.push("the lines are drawn flat");
  }
  return wrong.join("; ");
})()`

// What is written at the axes of a chart can be read on a phone as on a wide screen, and where a board has several columns.
func TestChartsAreReadable(t *testing.T) {
	webtest.Browser(t)
	s := boarded()
	b := tab(t, s, webtest.Screen{}, "/flows")
	for _, path := range []string{"/flows", "/flows?since=7d", "/?all=yes"} {
		for columns := 1; columns <= 4; columns++ {
			s.mu.Lock()
			s.own.board.Pages[0].Columns = columns
			s.mu.Unlock()
			for _, wide := range []int64{1280, 390, 360} {
				b.Resize(wide)
				b.Go(path)
				b.Shows(".chart figcaption", "bit/s")
				if wrong := b.Text(unreadable); wrong != "" {
					t.Errorf("%s, %d columns, %d pixels wide: %s", path, columns, wide, wrong)
				}
			}
			if path != "/?all=yes" {
				break
			}
		}
	}
}

// The times below a chart are those of the reader's clock, as all others of the page, and are said to be UTC for who has no scripts.
func TestChartHasTheClockOfItsReader(t *testing.T) {
	holds(t, "a page", page(t, scene(), "/flows", alice), "times in UTC", `data-at="20`)
	webtest.Browser(t)
	b := tab(t, scene(), webtest.Screen{Zone: "Asia/Tokyo"}, "/flows")
	b.Until(`document.querySelector(".chart text[data-at]") !== null`)
	got := b.Text(`[...document.querySelectorAll(".chart text[data-at]")].map((e) => e.dataset.at.slice(0, 16) + " " + e.textContent).join("; ")`)
	for one := range strings.SplitSeq(got, "; ") {
		at, shown, _ := strings.Cut(one, " ")
		when, err := time.Parse("2006-01-02T15:04", at)
		if want := when.Add(9 * time.Hour).Format("15:04"); err != nil || shown != want {
			t.Errorf("a time of %s below the chart is %q, want %q in Tokyo (%v)", at, shown, want, err)
		}
	}
	if b.True(`document.querySelector(".chart .utc") !== null`) {
		t.Error("the times are said to be UTC")
	}
}
