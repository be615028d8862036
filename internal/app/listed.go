package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"tocsin/internal/list"
	"tocsin/internal/pack"
	"tocsin/internal/rule"
)

// listsEvery is how often it is looked whether the files of lists have changed.
const listsEvery = 10 * time.Second

// renewLists keeps the lists of addresses that filters name as their files are, until ctx ends.
func (a *App) renewLists(ctx context.Context) error {
	tick := time.NewTicker(listsEvery)
	defer tick.Stop()
	for {
		for _, r := range a.listed.Renew() {
			for _, b := range r.Broken {
				a.log.Warn("a line of a list is broken", "file", list.Path(r.Name), "line", b.Line, "got", b.Text, "want", b.Why)
			}
			switch {
			case r.Err != nil:
				a.log.Warn("a list cannot be read; it stays as it was", "list", r.Name, "entries", r.Entries, "err", r.Err)
			default:
				a.log.Info("list read", "list", r.Name, "entries", r.Entries, "broken lines", r.Total)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// CheckLists tells which lists that rules name cannot be read. A rule of a pack may go without: it rests until there is one.
func (s *Setup) CheckLists() error {
	files := os.DirFS(s.Config.Data)
	var errs []error
	for i := range s.Rules {
		r := &s.Rules[i]
		if fromPack(r) {
			continue
		}
		for _, name := range r.Where.Lists() {
			if err := list.Check(files, name); err != nil {
				errs = append(errs, fmt.Errorf("%s:%d: rule %s: %w (put one entry a line into %s/%s)", r.File, r.Line, r.Name, err, s.Config.Data, list.Path(name)))
			}
		}
	}
	return errors.Join(errs...)
}

func fromPack(r *rule.Rule) bool {
	for _, p := range pack.All() {
		if r.File == p.File() {
			return true
		}
	}
	return false
}

// Resting names the rules of packs that find nothing because their list is not there, each with the file that it wants.
func (s *Setup) Resting() (names []string) {
	files := os.DirFS(s.Config.Data)
	for i := range s.Rules {
		r := &s.Rules[i]
		for _, name := range r.Where.Lists() {
			if fromPack(r) && list.Check(files, name) != nil {
				names = append(names, fmt.Sprintf("rule %s rests: there is no %s/%s", r.Name, s.Config.Data, list.Path(name)))
			}
		}
	}
	return names
}
