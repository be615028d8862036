package journal

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// knowledge says how far what a generation tells of its end can be trusted.
type knowledge uint8

const (
	nothing knowledge = iota // the guard is gone: it may be short of what was acknowledged, and of what was purged
	lagging                  // read from disk: after a power loss it may be short of what was acknowledged
	exact                    // this process knows what it has acknowledged
)

// inspect compares a stream with what the guard says of its generation, reports what is missing and sets the end of the
// generation to what is really there. It returns false when the stream must not be written on.
func (j *Journal) inspect(ctx context.Context, l *lane, gen *generation, known knowledge) (sound bool, err error) {
	str, err := j.openStream(ctx, l, gen)
	if err != nil {
		return false, err
	}
	lose := func(from, to uint64, reason string) {
		sound = false
		if from <= to {
			j.lose(Loss{Partition: l.partition, From: from, To: to, Stream: gen.Stream, Reason: reason})
		}
	}
	if str == nil {
		lose(gen.Purged+1, gen.Last, "the stream is gone")
		gen.Purged, gen.PurgedSeq = gen.Last, gen.LastSeq
		return false, nil
	}
	st, err := state(ctx, str)
	if err != nil {
		return false, err
	}
	sound = true
	first, last := max(st.FirstSeq, 1), st.LastSeq
	head, headSeq, why, err := j.lastReadable(ctx, str, l, gen, first, last)
	if err != nil {
		return false, err
	}
	if headSeq == 0 { // nothing there
		head, headSeq = gen.Purged, gen.PurgedSeq
	}
	recorded := gen.Last
	if head < recorded {
		lose(head+1, recorded, fmt.Sprintf("the stream ends with message %d, which is before what was acknowledged", headSeq))
	} else if headSeq < last && last > gen.PurgedSeq || last < gen.LastSeq {
		sound = false
		reason := fmt.Sprintf("messages %d to %d cannot be read: %v", headSeq+1, last, why)
		if known == exact { // they were torn by the fault and never acknowledged
			j.o.Log.Warn("journal stream has a torn end", "stream", gen.Stream, "cause", reason)
		} else {
			j.lose(Loss{Partition: l.partition, From: head + 1, Stream: gen.Stream, Reason: reason})
		}
	}
	if st.Msgs > 0 {
		if h, at, err := j.firstReadable(ctx, str, l, gen, first, last+1); err != nil {
			return false, err
		} else if at <= last && known == nothing {
			gen.Purged, gen.PurgedSeq = h.prev, at-1
		} else if at <= last && at > gen.PurgedSeq+1 {
			lose(gen.Purged+1, h.prev, fmt.Sprintf("messages up to %d are gone", at-1))
		}
	}
	if err := j.inspectHoles(ctx, str, l, gen, st, lose); err != nil {
		return false, err
	}
	if st.Msgs > 0 && st.Msgs != st.LastSeq-st.FirstSeq+1 || st.NumDeleted > 0 {
		sound = false
	}
	gen.Last, gen.LastSeq = head, max(headSeq, gen.PurgedSeq)
	l.mu.Lock()
	l.stored += int64(st.Bytes)
	l.mu.Unlock()
	if j.eng.inside() {
		return sound, syncNewest(filepath.Join(j.eng.streamFolder(gen.Stream), "msgs"))
	}
	return sound, nil
}

// lastReadable returns the last batch number and message of a stream that can be read, zeros when there is none, and why
// the very last one could not.
func (j *Journal) lastReadable(ctx context.Context, str jetstream.Stream, l *lane, gen *generation, first, last uint64) (head, seq uint64, why, err error) {
	for seq = last; seq >= first && seq > 0; seq-- {
		h, err := j.headerAt(ctx, str, l, gen, seq)
		switch {
		case err == nil:
			return h.last(), seq, why, nil
		case errorCode(err) != codeNoMessage && !isForeign(err):
			return 0, 0, nil, fmt.Errorf("read message %d of stream %s: %w", seq, gen.Stream, err)
		case why == nil:
			why = err
		}
	}
	return 0, 0, why, nil
}

// inspectHoles reports the batches that are missing between messages.
func (j *Journal) inspectHoles(ctx context.Context, str jetstream.Stream, l *lane, gen *generation, st *jetstream.StreamState, lose func(from, to uint64, reason string)) error {
	for i := 0; i < len(st.Deleted); {
		from := st.Deleted[i]
		to := from
		for i++; i < len(st.Deleted) && st.Deleted[i] == to+1; i++ {
			to++
		}
		before, seq, _, err := j.lastReadable(ctx, str, l, gen, st.FirstSeq, from-1)
		if err != nil {
			return err
		}
		if seq == 0 {
			before = gen.Purged
		}
		h, at, err := j.firstReadable(ctx, str, l, gen, to+1, st.LastSeq+1)
		if err != nil {
			return err
		}
		if at <= st.LastSeq {
			lose(before+1, h.prev, fmt.Sprintf("messages %d to %d are gone", from, to))
		}
	}
	return nil
}

// syncNewest makes the two newest blocks of a stream and their folder safe: after a kill they may be in memory only.
func syncNewest(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var blocks []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".blk") {
			blocks = append(blocks, e.Name())
		}
	}
	slices.SortFunc(blocks, func(a, b string) int { // by number: "9.blk" before "10.blk"
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	for _, name := range blocks[max(0, len(blocks)-2):] {
		if err := syncFile(filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	return syncFile(folder)
}

// syncTree makes a folder with all in it safe, and its way up to root.
func syncTree(root, folder string) error {
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return syncFile(path)
	})
	for up := filepath.Dir(folder); err == nil && len(up) >= len(root); up = filepath.Dir(up) {
		err = syncFile(up)
	}
	return err
}

// copyTree copies a folder and makes the copy safe.
func copyTree(to, from string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := os.CopyFS(to, withoutTrash{os.DirFS(from)}); err != nil {
		return err
	}
	return syncTree(filepath.Dir(to), to)
}

// withoutTrash hides the folder into which the engine moves blocks that it is deleting, beside us, bit by bit.
type withoutTrash struct{ fs.FS }

func (w withoutTrash) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(w.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "__msgs__" }), err
}
