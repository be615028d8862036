package naming

import (
	"context"
	"slices"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/names"
)

// Names lists names by kind and key.
func (s *Shelf) Names(ctx context.Context, q api.NameRequest) ([]api.Name, error) {
	var only names.Key
	if q.Kind != "" && !slices.Contains(names.Kinds(), names.Kind(q.Kind)) || q.Key != "" {
		var err error
		if only, err = names.Canonical(names.Kind(q.Kind), q.Key); err != nil {
			return nil, err
		}
	}
	stored, err := s.ledger.ThingNames(ctx)
	if err != nil {
		return nil, err
	}
	stored = slices.DeleteFunc(stored, func(row ledger.ThingName) bool {
		return q.Kind != "" && row.Kind != q.Kind || q.Key != "" && row.Thing != only.Key
	})
	if q.Key != "" && len(stored) == 0 {
		return nil, noName(only)
	}
	slices.SortFunc(stored, func(a, b ledger.ThingName) int { return keyOf(a).Compare(keyOf(b)) })
	list := make([]api.Name, len(stored))
	for i, row := range stored {
		list[i] = api.Name{Kind: row.Kind, Key: row.Thing, Name: row.Name, Changed: row.Changed, By: row.Author}
	}
	return list, nil
}

func keyOf(row ledger.ThingName) names.Key {
	return names.Key{Kind: names.Kind(row.Kind), Key: row.Thing}
}

func noName(k names.Key) error {
	return fault.New(fault.NotFound, "%s %s has no name (tocsin names list shows those that there are)", k.Kind, k.Key)
}

// PutNames gives names.
func (s *Shelf) PutNames(ctx context.Context, q api.NamesEdit, who string) (saved api.NamesSaved, err error) {
	wanted, err := readNames(q)
	if err != nil {
		return saved, err
	}
	now := time.Now().UTC().Round(0)
	err = s.ledger.ChangeThingNames(ctx, func(have []ledger.ThingName) (ledger.NamingChange[ledger.ThingName], error) {
		change := editNames(have, wanted, q, &saved)
		for i := range change.Put {
			change.Put[i].Changed, change.Put[i].Author = now, who
		}
		if saved.Names > names.Max {
			return change, fault.New(fault.Full, "names: there would be %d, and there are at most %d: remove some", saved.Names, names.Max)
		}
		return change, nil
	})
	if err != nil {
		return api.NamesSaved{}, err
	}
	return saved, s.Load(ctx)
}

// readNames reads what somebody wants to store.
func readNames(q api.NamesEdit) ([]names.Entry, error) {
	if len(q.Names) > names.Max {
		return nil, fault.New(fault.Invalid, "names: got %d, want at most %d", len(q.Names), names.Max)
	}
	if q.Kind != "" && !slices.Contains(names.Kinds(), names.Kind(q.Kind)) {
		_, err := names.Canonical(names.Kind(q.Kind), "")
		return nil, err
	}
	wanted := make([]names.Entry, len(q.Names))
	twice := make(map[names.Key]bool, len(q.Names))
	for i, e := range q.Names {
		k, err := names.Canonical(names.Kind(e.Kind), e.Key)
		if err != nil {
			return nil, err
		}
		if err := names.CheckName(e.Name); err != nil {
			return nil, fault.New(fault.Invalid, "%s %s: %w", k.Kind, k.Key, err)
		}
		switch {
		case twice[k]:
			return nil, fault.New(fault.Invalid, "%s %s stands twice", k.Kind, k.Key)
		case q.Replace && q.Kind != "" && q.Kind != e.Kind:
			return nil, fault.New(fault.Invalid, "%s %s: want names of the kind %s alone, in place of those that there are", k.Kind, k.Key, q.Kind)
		}
		twice[k] = true
		wanted[i] = names.Entry{Key: k, Name: e.Name}
	}
	return wanted, nil
}

// editNames says what becomes of the stored names.
func editNames(have []ledger.ThingName, wanted []names.Entry, q api.NamesEdit, saved *api.NamesSaved) (change ledger.NamingChange[ledger.ThingName]) {
	*saved = api.NamesSaved{}
	before := make(map[names.Key]string, len(have))
	for _, row := range have {
		before[keyOf(row)] = row.Name
	}
	named := make(map[names.Key]bool, len(wanted))
	var was, became []string
	for _, e := range wanted {
		named[e.Key] = true
		old, known := before[e.Key]
		switch {
		case !known:
			saved.Added++
		case old == e.Name:
			saved.Same++
			continue
		default:
			saved.Changed++
			was = append(was, told(string(e.Kind)+" "+e.Key.Key, old))
		}
		became = append(became, told(string(e.Kind)+" "+e.Key.Key, e.Name))
		change.Put = append(change.Put, ledger.ThingName{Kind: string(e.Kind), Thing: e.Key.Key, Name: e.Name})
	}
	for _, row := range have {
		if q.Replace && !named[keyOf(row)] && (q.Kind == "" || q.Kind == row.Kind) {
			saved.Removed++
			was = append(was, told(row.Kind+" "+row.Thing, row.Name))
			change.Delete = append(change.Delete, row)
		}
	}
	saved.Names = len(have) + saved.Added - saved.Removed
	change.Was, change.Became = summary(was), summary(became)
	return change
}

// DeleteNames takes names back.
func (s *Shelf) DeleteNames(ctx context.Context, keys []api.NameKey) (saved api.NamesSaved, err error) {
	if len(keys) == 0 {
		return saved, fault.New(fault.Invalid, "names: got no keys, want one or more")
	}
	wanted := make(map[names.Key]bool, len(keys))
	for _, k := range keys {
		one, err := names.Canonical(names.Kind(k.Kind), k.Key)
		if err != nil {
			return saved, err
		}
		wanted[one] = true
	}
	err = s.ledger.ChangeThingNames(ctx, func(have []ledger.ThingName) (change ledger.NamingChange[ledger.ThingName], err error) {
		var was []string
		missing := make(map[names.Key]bool, len(wanted))
		for k := range wanted {
			missing[k] = true
		}
		for _, row := range have {
			if k := keyOf(row); wanted[k] {
				delete(missing, k)
				change.Delete = append(change.Delete, row)
				was = append(was, told(row.Kind+" "+row.Thing, row.Name))
			}
		}
		for k := range missing {
			return change, noName(k)
		}
		change.Was, change.Became = summary(was), "removed"
		saved = api.NamesSaved{Removed: len(change.Delete), Names: len(have) - len(change.Delete)}
		return change, nil
	})
	if err != nil {
		return api.NamesSaved{}, err
	}
	return saved, s.Load(ctx)
}
