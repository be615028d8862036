package cli

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
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
	text, err := json.Marshal(v)
	if err != nil {
		return err
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
	t.fit(kept)
	w := table.NewWriter()
	style := table.StyleLight
	style.Format.Header = text.FormatUpper
	style.Options.DrawBorder = false
	w.SetStyle(style)
	var head table.Row
	var configs []table.ColumnConfig
	for n, i := range kept {
		c := t.columns[i]
		head = append(head, c.name)
		config := table.ColumnConfig{Number: n + 1, WidthMax: t.widths[i], WidthMaxEnforcer: trim}
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
			cell := trim(row[i], t.widths[i])
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

// fit narrows the widest columns until the table is no wider than the terminal, or they are narrow.
func (t *sheet) fit(kept []int) {
	total := 0
	for _, i := range kept {
		total += t.widths[i] + 3
	}
	for total > t.width {
		widest := kept[0]
		for _, i := range kept {
			if t.widths[i] > t.widths[widest] {
				widest = i
			}
		}
		if t.widths[widest] <= 12 {
			return
		}
		cut := min(total-t.width, t.widths[widest]-12)
		// down to the next widest at most, so that several wide columns share the loss
		second := 12
		for _, i := range kept {
			if i != widest {
				second = max(second, t.widths[i])
			}
		}
		if second < t.widths[widest] {
			cut = min(cut, t.widths[widest]-second)
		} else {
			cut = 1
		}
		t.widths[widest] -= cut
		total -= cut
	}
}

// trim cuts text to a width, with an ellipsis.
func trim(s string, width int) string {
	if text.StringWidth(s) <= width {
		return s
	}
	return text.Trim(s, max(width-1, 0)) + "…"
}
