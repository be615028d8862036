package webtest

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// A watcher notes what a page asks for and complains about.
type watcher struct {
	mu         sync.Mutex
	asked      []string
	complaints []string
	expected   []string // parts of complaints that are meant
}

func (w *watcher) expect(complaint string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expected = append(w.expected, complaint)
}

// note is called with every event of the tab.
func (w *watcher) note(e any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := e.(type) {
	case *network.EventRequestWillBeSent:
		w.asked = append(w.asked, e.Request.URL)
	case *runtime.EventExceptionThrown:
		w.complaints = append(w.complaints, e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			w.complaints = append(w.complaints, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

func (w *watcher) check(t *testing.T, home string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.asked) == 0 {
		t.Error("no request was seen: the check of where they go is blind")
	}
	for _, url := range w.asked {
		if !strings.HasPrefix(url, home+"/") && !strings.HasPrefix(url, "data:") {
			t.Errorf("the page asks for %s, which is elsewhere", url)
		}
	}
	for _, c := range w.complaints {
		if slices.ContainsFunc(w.expected, func(part string) bool { return strings.Contains(c, part) }) {
			continue
		}
		t.Errorf("the browser complains: %s", c)
	}
}
