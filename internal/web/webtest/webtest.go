// Package webtest drives a running tocsin through a real browser, as a person would. A test that has a site calls Run, or
// opens a Tab and goes its own way.
package webtest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A Site is what the browser is to find.
type Site struct {
	URL            string // without a slash at the end
	User, Password string
	Alert          string // text that one of the alerts holds
	Event          string // text that one of the newest events holds
	Name           string // of the picture of the page; see Tab.Looks
	Screen
}

// browsers are the names that the browser goes by.
var browsers = [...]string{"chromium", "chromium-browser", "google-chrome", "headless-shell"}

// Browser returns the path of a browser. Without one the test is skipped, but fails where CI is set.
func Browser(t *testing.T) string {
	t.Helper()
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("no browser found: want one of %s", strings.Join(browsers[:], ", "))
	}
	t.Skipf("no browser found (%s)", strings.Join(browsers[:], ", "))
	return ""
}

// Run logs in with a wrong and then the right password, looks for the alert and the event, goes to the alert and back and
// unfolds the event by the keyboard, waits until the page renewed itself, and logs out.
func Run(t *testing.T, s Site) {
	t.Helper()
	b := Open(t, s.URL, s.Screen)
	b.Go("/")
	b.LogIn(s.User, "not "+s.Password)
	b.do(chromedp.WaitVisible(chromedp.CSS(`.problem[role=alert]`)))
	b.LogIn(s.User, s.Password)
	b.Shows("#w-alerts", s.Alert)
	b.Shows("#w-events", s.Event)
	b.Press("j")
	b.Press("\r")
	b.Until(`document.querySelector("article.story h1")?.checkVisibility()`) // a page that is not whole knows no keys yet
	b.Press("u")
	b.At("/alerts")
	b.Go("/")
	b.find(chromedp.Focus(chromedp.CSS(`#w-events tbody tr summary`)))
	b.Press("\r")
	b.do(chromedp.WaitVisible(chromedp.CSS(`#w-events details[open] dl`)))
	b.Looks(s.Name)
	b.do(chromedp.Func(renewed), chromedp.WaitVisible(chromedp.CSS(`#w-events details[open] dl`)))
	if got := ask(b, chromedp.Evaluate[string](`document.activeElement.localName`)); got != "summary" {
		t.Errorf("after the page renewed itself %q has the focus, want what had it before", got)
	}
	b.do(chromedp.Click(chromedp.CSS(`header form button`)), chromedp.WaitVisible(userField))
	b.Go("/")
	b.At("/login")
}

const userField = chromedp.CSS(`input[name=user]`)
