package cli

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/document"
)

func (s *shell) alertExport() *cobra.Command {
	var q api.AlertRequest
	var when span
	c := &cobra.Command{
		Use: "export [FILE]", Short: "Write all alerts with everything that is known of them", Args: cobra.MaximumNArgs(1),
		Long: `Writes all alerts that are chosen, in the order of their numbers, each once: as CSV with a column for everything but the samples, as JSON
with these too, or as lines of key=value (-o csv, json or line). A file is in its place only when it is whole. In CSV what a spreadsheet would
take for a formula begins with an apostrophe; times are UTC.`,
		Example:     "  tocsin alerts export --since 7d alerts.csv\n  tocsin alerts export -o json | jq .reason",
		Annotations: map[string]string{"line": "yes"},
	}
	s.alertFilterFlags(c, &q)
	when.flags(c)
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) (err error) {
		form, err := s.form(c, "csv", "json", "line")
		if err != nil {
			return err
		}
		q.Limit = alertPage
		if err := checkAlertQuery(&q, nil); err != nil {
			return err
		}
		if q.Since, q.Until, err = when.times(s.Zone); err != nil {
			return err
		}
		n := 0
		write := func(out io.Writer) error {
			n, err = export(ctx, svc, q, form, out)
			return err
		}
		if len(args) == 0 || args[0] == "-" {
			return write(s.Out)
		}
		if err := replaceFile(args[0], write); err != nil {
			return err
		}
		s.say("%d alerts", n)
		return nil
	})
	return c
}

// export writes the alerts that q asks for, and returns how many there were.
func export(ctx context.Context, svc api.Service, q api.AlertRequest, form string, out io.Writer) (n int, err error) {
	buffer := bufio.NewWriter(out)
	table := csv.NewWriter(buffer)
	if form == "csv" {
		if err := table.Write(exportColumns[:]); err != nil {
			return 0, err
		}
	}
	q.Brief = form != "json" // else the samples are written
	err = eachAlert(ctx, svc, q, func(a *alert.Alert) error {
		n++
		switch form {
		case "json":
			return writeJSON(buffer, a)
		case "line":
			_, err := fmt.Fprintln(buffer, alertLine(a))
			return err
		default:
			return table.Write(exportRow(a))
		}
	})
	table.Flush()
	return n, errors.Join(err, table.Error(), buffer.Flush())
}

var exportColumns = [...]string{"id", "rule", "rule name", "rule version", "owner", "title", "severity", "state", "entity", "origin", "first", "last", "updated", "ended",
	"triggers", "value", "peak", "limit", "below", "window", "reason", "acknowledged by", "acknowledged at", "acknowledged until", "acknowledged note",
	"assignee", "disposition", "duplicate of", "closed by", "closed at", "closed note", "reopened", "name"}

// exportRow is an alert as the cells of exportColumns, harmless for a spreadsheet.
func exportRow(a *alert.Alert) []string {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	integer := func(n int64) string { return strconv.FormatInt(n, 10) }
	float := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	window, duplicate := "", ""
	if a.Window > 0 {
		window = document.FormatDuration(a.Window)
	}
	if a.DuplicateOf != 0 {
		duplicate = integer(a.DuplicateOf)
	}
	row := []string{integer(a.ID), integer(a.Rule), a.RuleName, strconv.Itoa(a.RuleVersion), a.Owner, a.Title, a.Severity.String(), string(a.State), a.Entity.Key(), a.Origin,
		at(a.First), at(a.Last), at(a.Updated), at(a.EndedAt), integer(a.Triggers), float(a.Value), float(a.Peak), float(a.Limit), strconv.FormatBool(a.Below), window, a.Reason,
		a.AckedBy, at(a.AckedAt), at(a.AckedUntil), a.AckNote, a.Assignee, string(a.Disposition), duplicate, a.ClosedBy, at(a.ClosedAt), a.CloseNote, strconv.Itoa(a.Reopened), called(a)}
	for i := range row {
		row[i] = csvCell(row[i])
	}
	return row
}

// replaceFile writes a file that only its owner may read, and puts it in its place when it is whole and synced.
func replaceFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil { // nobody knows the file by its name for the time being
		var at *os.PathError
		if errors.As(err, &at) {
			at.Path = path
		}
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the error that led here counts
		}
	}()
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
