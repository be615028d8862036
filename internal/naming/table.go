package naming

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/group"
	"tocsin/internal/names"
)

// maxTable bounds a file that is imported, in bytes.
const maxTable = 64 << 20

// ReadGroups reads groups from CSV: a line for each member, with the name of its group in front. The error is fault.Invalid, and
// says on which line of the file with this name something is wrong.
func ReadGroups(name string, in io.Reader) (groups []api.GroupEdit, err error) {
	at, seen := map[string]int{}, map[group.Member]int{}
	err = readTable(name, in, []string{"group", "member"}, func(line int, row []string) error {
		if err := group.CheckName(row[0]); err != nil {
			return err
		}
		m, err := group.ParseMember(row[1])
		if err != nil {
			return err
		}
		if other, twice := seen[m]; twice {
			return fault.New(fault.Invalid, "member %s stands on line %d already", m, other)
		}
		seen[m] = line
		i, known := at[row[0]]
		if !known {
			i = len(groups)
			at[row[0]] = i
			groups = append(groups, api.GroupEdit{Name: row[0]})
		}
		groups[i].Members = append(groups[i].Members, row[1])
		return nil
	})
	return groups, err
}

// ReadNames reads names from CSV: a line for each, with kind, key and name.
func ReadNames(name string, in io.Reader) (list []api.NameEdit, err error) {
	seen := map[names.Key]int{}
	err = readTable(name, in, []string{"kind", "key", "name"}, func(line int, row []string) error {
		k, err := names.Canonical(names.Kind(row[0]), row[1])
		if err == nil {
			err = names.CheckName(row[2])
		}
		if err != nil {
			return err
		}
		if other, twice := seen[k]; twice {
			return fault.New(fault.Invalid, "%s %s stands on line %d already", k.Kind, k.Key, other)
		}
		seen[k] = line
		list = append(list, api.NameEdit{Kind: row[0], Key: row[1], Name: row[2]})
		return nil
	})
	return list, err
}

// readTable reads CSV (RFC 4180) of some columns, whose header may be left out.
func readTable(name string, in io.Reader, header []string, take func(line int, row []string) error) error {
	bounded := &io.LimitedReader{R: in, N: maxTable + 1}
	table := csv.NewReader(bounded)
	table.FieldsPerRecord, table.Comment, table.TrimLeadingSpace = len(header), '#', true
	for first := true; ; first = false {
		row, err := table.Read()
		switch {
		case bounded.N <= 0:
			return fault.New(fault.Invalid, "read %s: it is larger than 64 MiB", name)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fault.New(fault.Invalid, "read %s: %w (want lines of %s)", name, err, strings.Join(header, ","))
		case first && strings.Join(row, ",") == strings.Join(header, ","):
			continue
		}
		line, _ := table.FieldPos(0)
		if err := take(line, row); err != nil {
			return fault.New(fault.Invalid, "%s:%d: %w", name, line, err)
		}
	}
}
