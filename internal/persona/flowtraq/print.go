package flowtraq

import (
	"bufio"
	"encoding/csv"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"tocsin/internal/cli"
	"tocsin/internal/traq"
)

// A printer writes tables as -c, -c+ or neither want them.
type printer struct {
	out         io.Writer
	csv, header bool
}

func (o *Options) printer(q *question) printer {
	return printer{o.Out, q.has("-c") || q.has("-c+"), q.has("-c+")}
}

// table writes a table.
func (p printer) table(t traq.Table) error {
	if p.csv {
		return p.values(t)
	}
	return p.padded(t)
}

// values writes comma-separated values (RFC 4180, but for the ends of lines, which are those of scripts). What all sums up
// to is no line of them.
func (p printer) values(t traq.Table) error {
	out := csv.NewWriter(p.out)
	if p.header {
		names := make([]string, len(t.Columns))
		for i, c := range t.Columns {
			names[i] = c.Name
		}
		if err := out.Write(names); err != nil {
			return err
		}
	}
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = cli.CSVCell(cell)
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// padded writes a table for people: columns two blanks apart, numbers at the right of theirs.
func (p printer) padded(t traq.Table) error {
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = text.StringWidth(c.Name)
	}
	rows := make([][]string, len(t.Rows))
	for n, row := range t.Rows {
		rows[n] = make([]string, len(row))
		for i, cell := range row {
			rows[n][i] = cli.Cell(cell)
			widths[i] = max(widths[i], text.StringWidth(rows[n][i]))
		}
	}
	out := bufio.NewWriter(p.out)
	line := func(cell func(int) string) {
		var b strings.Builder
		for i, c := range t.Columns {
			align := text.AlignLeft
			if c.Number {
				align = text.AlignRight
			}
			if i > 0 {
				b.WriteString("  ")
			}
			b.WriteString(align.Apply(cell(i), widths[i]))
		}
		_, _ = out.WriteString(strings.TrimRight(b.String(), " ") + "\n") // Flush tells
	}
	line(func(i int) string { return t.Columns[i].Name })
	for _, row := range rows {
		line(func(i int) string { return row[i] })
	}
	if len(t.Summary) > 0 {
		_, _ = out.WriteString("\n" + strings.Join(t.Summary, "\n") + "\n")
	}
	return out.Flush()
}
