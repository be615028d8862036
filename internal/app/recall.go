package app

import (
	"context"
	"fmt"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/filter"
	"tocsin/internal/history"
)

// recall tells the intake which events of formats that repeat themselves the history holds. That it cannot be read is told by
// whoever asks the history next; until then such an event may count twice.
func (a *App) recall(ctx context.Context) {
	err := a.ingest.Recall(func(names []string, limit int, fn func(b *event.Batch, rows []int32) error) error {
		quoted := make([]string, len(names))
		for i, name := range names {
			quoted[i] = fmt.Sprintf("event.dataset == %q", name)
		}
		where, err := filter.Parse(strings.Join(quoted, " or "))
		if err != nil {
			return err
		}
		return a.history.Newest(ctx, history.Query{
			Kinds: []event.Kind{event.Log}, Where: where, Fields: []event.FieldID{event.EventID, event.CloudAccount, event.EventDataset},
		}, limit, false, fn)
	})
	if err != nil {
		a.log.Warn("events that are delivered again may count twice: the history cannot be read", "cause", err)
	}
}
