package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
	"tocsin/internal/board"
)

// maxBoardFile is how large a file may be, in bytes; no board is nearly as large.
const maxBoardFile = 1 << 20

func (s *shell) boardCommand() *cobra.Command {
	var user string
	c := s.boardShow("board", &user)
	c.AddCommand(s.boardShow("show", &user), s.boardSet(&user), s.boardReset(&user))
	s.forUser(c, &user, "the board")
	return c
}

func (s *shell) boardShow(use string, user *string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: "Show what your first page is made of", Args: cobra.NoArgs,
		Long: `Shows the pages and widgets of your first page, one widget a line. With -o json it is the document that "board set" takes: pages with
a name, 1 to 4 columns and at most 24 widgets each. A widget is of a kind: alerts, counts, ranking, sessions, events, rate, exporters,
health or views. Everybody has his own; administrators see and change those of others with --for.`,
		Example: "  tocsin board\n  tocsin board -o json > board.json",
		RunE: s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
			b, err := svc.Board(ctx, *user)
			if err != nil {
				return err
			}
			return s.showBoard(&b)
		}),
	}
}

// showBoard writes one widget a line; as JSON it is one object.
func (s *shell) showBoard(b *api.Board) error {
	if s.format == "json" {
		return writeJSON(s.Out, b)
	}
	out := s.sheet(column{name: "page"}, column{name: "column", right: true}, column{name: "id"}, column{name: "kind"}, column{name: "title"}, column{name: "settings", cut: true})
	for _, p := range b.Pages {
		for _, w := range p.Widgets {
			if err := out.add(nil, p.Name, strconv.Itoa(w.Column)+" of "+strconv.Itoa(p.Columns), w.ID, w.Kind, w.Title, widgetSettings(&w)); err != nil {
				return err
			}
		}
		if len(p.Widgets) == 0 {
			if err := out.add(nil, p.Name, "of "+strconv.Itoa(p.Columns), "", "", "", ""); err != nil {
				return err
			}
		}
	}
	return out.end()
}

func widgetSettings(w *api.Widget) string {
	var list []string
	if w.MinSeverity != "" {
		list = append(list, w.MinSeverity+" and above")
	}
	if w.View != "" {
		list = append(list, "view "+w.View)
	}
	if w.Report != "" {
		list = append(list, "report "+w.Report)
	}
	if w.Where != "" {
		list = append(list, "where "+w.Where)
	}
	if w.Rows != 0 {
		list = append(list, strconv.Itoa(w.Rows)+" rows")
	}
	return strings.Join(list, ", ")
}

func (s *shell) boardSet(user *string) *cobra.Command {
	c := &cobra.Command{
		Use: "set FILE", Short: "Replace it by that of a file", Args: cobra.ExactArgs(1),
		Long: `Puts the board of a JSON file, as "board -o json" writes it, in the place of the one that there is; - reads standard input. Where the
file has a version, it is refused when the board was changed since; without one whatever is there is replaced.`,
		Example: "  tocsin board -o json > board.json\n  tocsin board set board.json",
	}
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		var d board.Document
		err := s.readTable(args[0], func(in io.Reader) error {
			text, err := io.ReadAll(io.LimitReader(in, maxBoardFile+1))
			switch {
			case err != nil:
				return err
			case len(text) > maxBoardFile:
				return usage("%s: it has more than %d bytes, and no board is as large", args[0], maxBoardFile)
			}
			d, err = board.Read(args[0], text)
			return err
		})
		if err != nil {
			return err
		}
		saved, err := svc.PutBoard(ctx, api.BoardEdit{User: *user, Version: d.Version, Pages: d.Pages})
		if err != nil {
			return refused(err)
		}
		return s.savedBoard(&saved, "stored")
	})
	return c
}

func (s *shell) boardReset(user *string) *cobra.Command {
	return &cobra.Command{
		Use: "reset", Short: "Go back to what everybody begins with", Example: "  tocsin board reset", Args: cobra.NoArgs,
		RunE: s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
			b, err := svc.ResetBoard(ctx, *user)
			if err != nil {
				return err
			}
			return s.savedBoard(&b, "as everybody begins")
		}),
	}
}

// savedBoard says what became of a board.
func (s *shell) savedBoard(b *api.Board, became string) error {
	if s.format == "json" {
		return writeJSON(s.Out, b)
	}
	_, err := fmt.Fprintf(s.Out, "board of %s: %s\n", clean(b.User), became)
	return err
}
