package cli

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// A column is one column of a table.
type column struct {
	name  string
	right bool                     // numbers
	paint func(string) text.Colors // on a terminal; nil: none
	time  bool
	lazy  bool // left out of a block of a table in which it is empty
	cut   bool // cut before all others where the terminal is too narrow
	spare bool // left out where the terminal is too narrow for all
}

// A sheet writes rows in the form that -o names. Tables are written in blocks, so that memory stays small.
type sheet struct {
	out     io.Writer
	form    string
	columns []column
	rows    [][]string
	widths  []int
	width   int // of the terminal; 0: out is none
	colours bool
	csv     *csv.Writer
	headed  bool
}

// block is how many rows a table lays out together.
const block = 500

func (s *shell) sheet(columns ...column) *sheet {
	t := &sheet{out: s.Out, form: s.format, columns: columns, widths: make([]int, len(columns))}
	if s.format == "csv" {
		t.csv = csv.NewWriter(s.Out)
	}
	if f, ok := s.Out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			t.width = max(width, 40)
		}
		t.colours = s.Env("NO_COLOR") == "" && s.Env("TERM") != "dumb"
	}
	return t
}

// add writes one row: v as JSON, or the cells.
func (t *sheet) add(v any, cells ...string) error {
	switch t.form {
	case "json":
		return writeJSON(t.out, v)
	case "csv":
		if err := t.head(); err != nil {
			return err
		}
		safe := make([]string, len(cells))
		for i, c := range cells {
			safe[i] = csvCell(c)
		}
		return t.csv.Write(safe)
	default:
		row := make([]string, len(cells))
		for i, c := range cells {
			row[i] = clean(c)
		}
		if t.rows = append(t.rows, row); len(t.rows) == block {
			return t.lay()
		}
		return nil
	}
}

// head writes the line of names of a CSV file, once.
func (t *sheet) head() error {
	if t.headed {
		return nil
	}
	t.headed = true
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return t.csv.Write(names)
}

// end writes what is left.
func (t *sheet) end() error {
	if t.csv != nil {
		t.csv.Flush()
		return t.csv.Error()
	}
	if len(t.rows) > 0 {
		return t.lay()
	}
	return nil
}

// writeJSON writes one value on one line.
func writeJSON(out io.Writer, v any) error {
	text, ready := v.(json.RawMessage) // which safeJSON checks
	var err error
	if !ready {
		if text, err = json.Marshal(v); err != nil {
			return err
		}
	}
	if text, err = safeJSON(text); err != nil {
		return err
	}
	_, err = out.Write(append(text, '\n'))
	return err
}

// lay writes the rows collected so far as a table.
func (t *sheet) lay() error {
	if !t.headed {
		t.drop()
	}
	var err error
	if t.width > 0 {
		err = t.pretty()
	} else {
		err = t.aligned()
	}
	t.rows, t.headed = t.rows[:0], true
	return err
}

// drop leaves out the lazy columns that are empty in the first block; they stay out, so that columns do not jump.
func (t *sheet) drop() {
	for i, c := range t.columns {
		if !c.lazy {
			continue
		}
		empty := true
		for _, row := range t.rows {
			empty = empty && row[i] == ""
		}
		if empty {
			t.widths[i] = -1
		}
	}
}

// kept lists the columns that are shown.
func (t *sheet) kept() []int {
	var list []int
	for i := range t.columns {
		if t.widths[i] >= 0 {
			list = append(list, i)
		}
	}
	return list
}

// measure makes the columns as wide as their widest cell.
func (t *sheet) measure(kept []int) {
	for _, i := range kept {
		t.widths[i] = max(t.widths[i], text.StringWidth(t.columns[i].name))
		for _, row := range t.rows {
			t.widths[i] = max(t.widths[i], text.StringWidth(row[i]))
		}
	}
}

// aligned writes a table for pipes and files: columns two spaces apart, names in capitals.
func (t *sheet) aligned() error {
	kept := t.kept()
	t.measure(kept)
	var b strings.Builder
	var lines []string
	line := func(cell func(int) string) {
		for n, i := range kept {
			align := text.AlignLeft
			if t.columns[i].right {
				align = text.AlignRight
			}
			switch {
			case n < len(kept)-1:
				b.WriteString(align.Apply(cell(i), t.widths[i]) + "  ")
			case t.columns[i].right:
				b.WriteString(align.Apply(cell(i), t.widths[i]))
			default:
				b.WriteString(cell(i))
			}
		}
		lines = append(lines, strings.TrimRight(b.String(), " "))
		b.Reset()
	}
	if !t.headed {
		line(func(i int) string { return strings.ToUpper(t.columns[i].name) })
	}
	for _, row := range t.rows {
		line(func(i int) string { return row[i] })
	}
	_, err := io.WriteString(t.out, strings.Join(lines, "\n")+"\n")
	return err
}

// pretty writes a table for a terminal, cut to its width.
func (t *sheet) pretty() error {
	kept := t.kept()
	t.measure(kept)
	kept = t.fit(kept)
	w := table.NewWriter()
	style := table.StyleLight
	style.Format.Header = text.FormatUpper
	style.Options.DrawBorder = false
	w.SetStyle(style)
	var head table.Row
	var configs []table.ColumnConfig
	for n, i := range kept {
		c := t.columns[i]
		head = append(head, trim(c.name, t.widths[i]))
		config := table.ColumnConfig{Number: n + 1}
		if c.right {
			config.Align, config.AlignHeader = text.AlignRight, text.AlignRight
		}
		configs = append(configs, config)
	}
	w.SetColumnConfigs(configs)
	w.AppendHeader(head)
	for _, row := range t.rows {
		var cells table.Row
		for _, i := range kept {
			cell := t.trimmed(i, row[i])
			if paint := t.columns[i].paint; paint != nil && t.colours {
				cell = paint(row[i]).Sprint(cell)
			}
			cells = append(cells, cell)
		}
		w.AppendRow(cells)
	}
	_, err := io.WriteString(t.out, w.Render()+"\n")
	return err
}

// Columns are not cut below these widths: those of text, names over what is narrower, and times, of which only the day and
// the minute are left, or nothing would be.
const (
	narrowText = 12
	narrowest  = 8 // of text where nothing else helps
	narrowName = 8
	narrowTime = 19
	shortTime  = 11 // as 01-02 15:04
)

// fit narrows columns until the table is no wider than the terminal, or they are narrow: first those whose name is wider
// than what is in them, then those that may be cut, then always the widest. Where that is not enough what can be spared is left
// out, and times are shortened.
func (t *sheet) fit(kept []int) []int {
	over, wanted := -t.width, slices.Clone(t.widths)
	for _, i := range kept {
		over += t.widths[i] + 3
	}
	for _, i := range kept {
		cells := narrowName
		for _, row := range t.rows {
			cells = max(cells, text.StringWidth(row[i]))
		}
		if cut := min(over, t.widths[i]-cells); cut > 0 {
			t.widths[i] -= cut
			over -= cut
		}
	}
	over = t.narrow(kept, over, func(i int) int {
		if t.columns[i].cut {
			return 2 * narrowText
		}
		return t.widths[i]
	})
	over = t.narrow(kept, over, func(i int) int {
		if t.columns[i].time {
			return narrowTime
		}
		return narrowText
	})
	kept = slices.DeleteFunc(kept, func(i int) bool {
		spared := t.columns[i].spare && over > 0
		if spared {
			over -= t.widths[i] + 3
			t.widths[i] = -1 // for good, so that columns do not jump
		}
		return spared
	})
	for _, i := range kept {
		if t.columns[i].time && over > 0 && t.widths[i] > shortTime {
			over -= t.widths[i] - shortTime
			t.widths[i] = shortTime
		}
	}
	over = t.narrow(kept, over, func(i int) int {
		if t.columns[i].time {
			return shortTime
		}
		return narrowest
	})
	for _, i := range kept { // what was left out may have left room
		if more := min(-over, wanted[i]-t.widths[i]); more > 0 && t.columns[i].cut {
			t.widths[i] += more
			over += more
		}
	}
	return kept
}

// narrow takes from the widest columns what a table is over its width, down to the least width of each, and returns what it
// still is over.
func (t *sheet) narrow(kept []int, over int, least func(i int) int) int {
	for over > 0 {
		widest, room := 0, 0
		for _, i := range kept {
			if t.widths[i] > least(i) && t.widths[i] > room {
				widest, room = i, t.widths[i]
			}
		}
		if room == 0 {
			return over
		}
		t.widths[widest]--
		over--
	}
	return over
}

// trimmed is a cell at the width of its column. Of a time that does not fit the second is left whole, or the minute.
func (t *sheet) trimmed(i int, cell string) string {
	width := t.widths[i]
	if t.columns[i].time && width < len(cell) && len(cell) >= narrowTime && cell[4] == '-' {
		if width >= narrowTime {
			return cell[:narrowTime]
		}
		cell = cell[len("2006-"):len("2006-01-02 15:04")]
	}
	return trim(cell, width)
}

// trim cuts text to a width, with an ellipsis.
func trim(s string, width int) string {
	if text.StringWidth(s) <= width {
		return s
	}
	return text.Trim(s, max(width-1, 0)) + "…"
}
