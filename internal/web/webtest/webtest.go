// Package webtest drives a running tocsin through a real browser, as a person would. A test that has a site calls Run.
package webtest

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A Site is what the browser is to find.
type Site struct {
	URL            string // without a slash at the end
	User, Password string
	Alert          string // text that one of the alerts holds
	Event          string // text that one of the newest events holds
	Screenshot     string // file to write a picture of the page to; empty: none
	Phone          bool   // a small screen
	Dark           bool   // a person who likes it dark
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

// Run logs in with a wrong and then the right password, looks for the alert and the event, unfolds both by the
// keyboard, waits until the page renewed itself, and logs out. It also fails when the page asks anything of another host, breaks its own content security
// policy, or is wider than the screen.
func Run(t *testing.T, s Site) {
	t.Helper()
	wide, high := int64(1280), int64(1000)
	if s.Phone {
		wide, high = 360, 740
	}
	scheme := "1"
	if s.Dark {
		scheme = "0"
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	ctx, stop = chromedp.NewContext(ctx, chromedp.WithAllocatorOptions(chromedp.ExecPath(Browser(t)), chromedp.NoSandbox,
		chromedp.WindowSize(int(wide), int(high)), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("blink-settings", "preferredColorScheme="+scheme)))
	defer stop()
	seen := &watcher{}
	if err := chromedp.Listen(ctx, seen.note); err != nil {
		t.Fatalf("start browser: %v", err)
	}
	b := browser{t, ctx}
	b.do(chromedp.EmulateViewport(wide, high), chromedp.Navigate(s.URL+"/"), chromedp.WaitVisible(userField))
	b.login(s.User, "not "+s.Password)
	b.do(chromedp.WaitVisible(chromedp.CSS(`.problem[role=alert]`)))
	b.login(s.User, s.Password)
	b.do(chromedp.WaitVisible(chromedp.CSS(`#alerts .alert`)), chromedp.WaitVisible(chromedp.CSS(`#events tbody tr`)))
	b.shows("#alerts", s.Alert)
	b.shows("#events", s.Event)
	b.do(chromedp.Focus(chromedp.CSS(`#alerts .alert summary`)), chromedp.KeyEvent("\r"),
		chromedp.WaitVisible(chromedp.CSS(`#alerts .alert[open] dl`)))
	b.do(chromedp.Focus(chromedp.CSS(`#events tbody tr summary`)), chromedp.KeyEvent("\r"),
		chromedp.WaitVisible(chromedp.CSS(`#events details[open] dl`)))
	if ask(b, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`)) {
		t.Errorf("the page is wider than a screen of %d pixels", wide)
	}
	if s.Screenshot != "" {
		if err := os.WriteFile(s.Screenshot, ask(b, chromedp.FullScreenshot(100)), 0o600); err != nil {
			t.Error(err)
		}
	}
	b.renews()
	b.do(chromedp.Click(chromedp.CSS(`header form button`)), chromedp.WaitVisible(userField),
		chromedp.Navigate(s.URL+"/"), chromedp.WaitVisible(userField))
	if got := ask(b, chromedp.Location()); got != s.URL+"/login" {
		t.Errorf("after the logout the page leads to %s, want the login", got)
	}
	seen.check(t, s.URL)
}

const userField = chromedp.CSS(`input[name=user]`)

// A browser is one tab, in a test.
type browser struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // that of the tab, which is how chromedp names it
}

func (b browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("browse: %v", err)
	}
}

// ask runs an action that has an answer.
func ask[A any](b browser, step chromedp.Action[A]) A {
	b.t.Helper()
	a, err := chromedp.Run(b.ctx, step)
	if err != nil {
		b.t.Fatalf("browse: %v", err)
	}
	return a
}

func (b browser) login(user, password string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(userField, user), chromedp.SendKeys(chromedp.CSS(`input[name=password]`), password+"\r"))
}

func (b browser) shows(part, want string) {
	b.t.Helper()
	if got := ask(b, chromedp.Text(chromedp.CSS(part))); !strings.Contains(got, want) {
		b.t.Errorf("%s shows %q, want %q in it", part, got, want)
	}
}

// renews waits until the page renewed itself, and looks whether the alert and the event are still unfolded.
func (b browser) renews() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := chromedp.Evaluate[bool](`document.querySelector("#alerts").dataset.old = "yes", true`)(ctx, t)
		return err
	}), chromedp.WaitNotPresent(chromedp.CSS(`#alerts[data-old]`)), chromedp.WaitVisible(chromedp.CSS(`#alerts .alert[open] dl`)),
		chromedp.WaitVisible(chromedp.CSS(`#events details[open] dl`)))
}
