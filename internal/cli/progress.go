package cli

import (
	"io"
	"os"
	"path/filepath"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// A bar shows on a terminal how far a file was read. On anything else it shows nothing.
type bar struct {
	all *mpb.Progress // nil: not on a terminal
	bar *mpb.Bar

	size int64
}

// bar begins the bar of a file; its size is 0 when unknown. Nothing else may be written until its end.
func (s *shell) bar(path string, size int64) *bar {
	f, ok := s.Err.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || s.Env("TERM") == "dumb" {
		return &bar{}
	}
	return newBar(f, path, size)
}

// newBar begins a bar. Its total is set afterwards: a bar that is made with one ends by itself when it is reached, and
// only then.
func newBar(w io.Writer, path string, size int64) *bar {
	all := mpb.New(mpb.WithOutput(w), mpb.WithWidth(40))
	name := decor.Name(clean(filepath.Base(path)), decor.WC{C: decor.DindentRight | decor.DextraSpace})
	speed := decor.AverageSpeed(decor.SizeB1024(0), "% .1f ")
	if size <= 0 {
		return &bar{all, all.AddSpinner(0, mpb.PrependDecorators(name), mpb.AppendDecorators(decor.CurrentKibiByte("% .1f "), speed)), 0}
	}
	b := &bar{all, all.AddBar(0, mpb.PrependDecorators(name), mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}), decor.Name(" "), speed,
		decor.OnComplete(decor.AverageETA(decor.ET_STYLE_GO), ""))), size}
	b.bar.SetTotal(size, false)
	return b
}

// at moves the bar.
func (b *bar) at(n int64) {
	if b.all != nil {
		b.bar.SetCurrent(n)
	}
}

// end completes the bar, or leaves it where it is, and draws it for the last time.
func (b *bar) end(whole bool) {
	if b.all == nil {
		return
	}
	if whole {
		if b.size > 0 {
			b.bar.SetCurrent(b.size)
		}
		b.bar.SetTotal(-1, true)
	} else {
		b.bar.Abort(false)
	}
	b.all.Wait()
}
