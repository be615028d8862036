package webtest

import (
	"context"

	"github.com/chromedp/chromedp"
)

// renewed waits until the page looked whether there is something new, and put it in where there was.
func renewed(ctx context.Context, t *chromedp.Target) error {
	_, err := chromedp.Evaluate[bool](`new Promise((yes) => document.addEventListener("renewed", () => yes(true), { once: true }))`,
		chromedp.EvalAwaitPromise)(ctx, t)
	return err
}
