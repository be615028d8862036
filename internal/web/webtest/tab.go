package webtest

import (
	"context"
	_ "embed"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/chromedp"
)

// A Screen is how somebody looks at the pages.
type Screen struct {
	Phone bool   // 360 pixels wide
	Dark  bool   // he likes it dark
	Zone  string // of his clock, as Asia/Tokyo; empty is that of the machine
}

// A Tab is one tab of a browser. Its methods end the test when the browser cannot do what they say.
type Tab struct {
	t    *testing.T
	ctx  context.Context //nolint:containedctx // that of the tab, which is how chromedp names it
	home string
	seen *watcher
	wide int64
	high int64
}

// patience bounds how long a tab waits for anything.
const patience = 45 * time.Second

// Open opens a tab at the login of the site whose address is home. When the test ends it fails if a page asked anything of
// another host, threw, or broke its own content security policy.
func Open(t *testing.T, home string, screen Screen) *Tab {
	t.Helper()
	wide, high, scheme := int64(1280), int64(1000), "1"
	if screen.Phone {
		wide, high = 360, 740
	}
	if screen.Dark {
		scheme = "0"
	}
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx, chromedp.WithAllocatorOptions(chromedp.ExecPath(Browser(t)), chromedp.NoSandbox,
		chromedp.WindowSize(int(wide), int(high)), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("blink-settings", "preferredColorScheme="+scheme), chromedp.Env(clock(screen.Zone)...)))
	b := &Tab{t: t, ctx: ctx, home: home, seen: &watcher{}, wide: wide, high: high}
	if err := chromedp.Listen(ctx, b.seen.note); err != nil {
		t.Fatalf("start browser: %v", err)
	}
	t.Cleanup(func() {
		end()
		b.seen.check(t, home)
	})
	b.do(chromedp.EmulateViewport(wide, high))
	return b
}

// clock is what makes a browser run by the clock of a zone.
func clock(zone string) []string {
	if zone == "" {
		return nil
	}
	return []string{"TZ=" + zone}
}

func (b *Tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("browse: %v", err)
	}
}

// find runs steps that look for something on the page and use it. A page that renews itself may replace what they found before they
// do: then they look again.
func (b *Tab) find(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		err := chromedp.Do(ctx, steps...)
		if err == nil {
			return
		}
		_, replaced := errors.AsType[*cdproto.Error](err)
		if !replaced && !errors.Is(err, chromedp.ErrInvalidDimensions) {
			b.t.Fatalf("browse: %v", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.t.Fatalf("browse: %v", err)
		}
	}
}

// ask runs an action that has an answer.
func ask[A any](b *Tab, step chromedp.Action[A]) A {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	a, err := chromedp.Run(ctx, step)
	if err != nil {
		b.t.Fatalf("browse: %v", err)
	}
	return a
}

// Go opens a page of the site, by its path.
func (b *Tab) Go(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.home + path))
}

// Expect says that the browser will complain of something, once the test has made it so.
func (b *Tab) Expect(complaint string) { b.seen.expect(complaint) }

// Resize makes the screen so many pixels wide, and high as it was.
func (b *Tab) Resize(wide int64) {
	b.t.Helper()
	b.wide = wide
	b.do(chromedp.EmulateViewport(wide, b.high))
	b.Until("innerWidth === " + strconv.FormatInt(wide, 10))
}

// LogIn logs in on the page that is shown.
func (b *Tab) LogIn(user, password string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(userField), chromedp.SendKeys(userField, user), chromedp.SendKeys(chromedp.CSS(`input[name=password]`), password+"\r"))
}

// Click clicks what a selector finds first, once it is visible.
func (b *Tab) Click(selector string) {
	b.t.Helper()
	b.find(chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.ScrollIntoView(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector)))
}

// Type puts text into a field in the place of what is there.
func (b *Tab) Type(selector, text string) {
	b.t.Helper()
	b.find(chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.Focus(chromedp.CSS(selector)))
	b.Until(`(document.activeElement.select(), true)`)
	b.Press(text)
}

// Choose takes an entry of a select by its value.
func (b *Tab) Choose(selector, value string) {
	b.t.Helper()
	b.find(chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.SetValue(chromedp.CSS(selector), value))
}

// Press sends keys to whatever has the focus.
func (b *Tab) Press(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// True reports whether a JavaScript expression holds now.
func (b *Tab) True(expression string) bool {
	b.t.Helper()
	return ask(b, chromedp.Evaluate[bool](expression))
}

// Text returns the text that a JavaScript expression gives now.
func (b *Tab) Text(expression string) string {
	b.t.Helper()
	return ask(b, chromedp.Evaluate[string](expression))
}

// Until waits until the page is whole and a JavaScript expression holds.
func (b *Tab) Until(expression string) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		// While one page gives way to another there is none to ask.
		if yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && Boolean(`+expression+")")); err == nil && yes {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.t.Fatalf("waited in vain for %s; the page at %s says:\n%s", expression, ask(b, chromedp.Location()), ask(b, chromedp.Text(chromedp.CSS("body"))))
		}
	}
}

// Shows waits until the text of what a selector finds first holds a text.
func (b *Tab) Shows(selector, text string) {
	b.t.Helper()
	b.Until(`document.querySelector(` + strconv.Quote(selector) + `)?.innerText.includes(` + strconv.Quote(text) + `)`)
}

// Hides waits until a selector finds nothing that can be seen.
func (b *Tab) Hides(selector string) {
	b.t.Helper()
	b.Until(`!document.querySelector(` + strconv.Quote(selector) + `)?.checkVisibility()`)
}

// At waits until the tab is at a path, with its query.
func (b *Tab) At(path string) {
	b.t.Helper()
	b.Until(`location.pathname + location.search === ` + strconv.Quote(path))
}

//go:embed contrast.js
var contrast string

// Looks fails when the page is wider than the screen, or has text that is hard to tell from what is behind it, a field
// without a name, or a name twice. Where TOCSIN_SCREENSHOTS names a directory it keeps a picture there.
func (b *Tab) Looks(name string) {
	b.t.Helper()
	if b.True(`document.documentElement.scrollWidth > document.documentElement.clientWidth`) {
		b.t.Errorf("page %s is wider than a screen of %d pixels", name, b.wide)
	}
	for _, wrong := range ask(b, chromedp.Evaluate[[]string](contrast)) {
		b.t.Errorf("page %s: %s", name, wrong)
	}
	if dir := os.Getenv("TOCSIN_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), ask(b, chromedp.FullScreenshot(100)), 0o600); err != nil {
			b.t.Error(err)
		}
	}
}
