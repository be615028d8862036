package files

import (
	"sync"

	"github.com/fsnotify/fsnotify"
)

// A watcher is told directories; nil when the system has none to give.
type watcher = *fsnotify.Watcher

// watch wakes the reader when something happens in a directory that it looks into. It only saves time: whatever it misses,
// as on network file systems and behind symbolic links, the next poll finds.
func (r *reader) watch() (wake <-chan struct{}, stop func()) {
	r.watching = map[string]bool{}
	out := make(chan struct{}, 1)
	w, err := fsnotify.NewWatcher()
	if err != nil {
		r.Log.Warn("the system gives no notice of changed files; they are looked at from time to time", "source", r.Name, "every", r.Poll, "err", err)
		return out, func() {}
	}
	r.watcher = w
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case _, ok := <-w.Events:
				if !ok {
					return
				}
			case _, ok := <-w.Errors: // such as an overflow: something was missed
				if !ok {
					return
				}
			}
			select {
			case out <- struct{}{}:
			default:
			}
		}
	})
	return out, func() {
		w.Close()
		group.Wait()
	}
}

// watchDir watches a directory once it is there. Patterns in the middle of a path are not followed.
func (r *reader) watchDir(dir string) {
	if r.watcher == nil || r.watching[dir] || hasMeta(dir) || len(r.watching) >= maxFiles {
		return
	}
	if r.watcher.Add(dir) == nil {
		r.watching[dir] = true
	}
}
