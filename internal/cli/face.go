package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// A Face is the command line of a program that tocsin takes the place of. Its arguments are its own; the settings of all
// commands are read here.
type Face struct {
	Name     string // of the program, and of the command
	Short    string
	Long     string
	Example  string
	Commands []string // for completion
	Options  bool     // it reads options of its own, also such as -al, that stand behind those of all commands
	Hidden   bool     // from the list of commands, as one of many siblings
	// Run runs one of its commands. An error of kind fault.Invalid is about how it was called, unless Refused marked it.
	Run func(ctx context.Context, c Common, args []string) error
}

// Refused marks an error as being about something that was read, and not about how a command was called.
func Refused(err error) error { return refused(err) }

// Clean makes foreign text harmless in a terminal; line ends and tabs stay.
func Clean(text string) string { return printable(text) }

// Cell is Clean for one cell of a table: it stays on one line.
func Cell(text string) string { return clean(text) }

// CSVCell is Cell for a file that spreadsheets open: what they would take for a formula has an apostrophe before it.
func CSVCell(text string) string { return csvCell(text) }

func (s *shell) faceCommand(f Face) *cobra.Command {
	c := &cobra.Command{
		Use: f.Name + " COMMAND [ARGUMENT...]", Short: f.Short, Long: f.Long, Example: f.Example,
		ValidArgs: f.Commands, GroupID: "faces", Hidden: f.Hidden,
	}
	c.RunE = s.run(func(ctx context.Context, args []string) error { return f.Run(ctx, s.common, args) })
	if f.Options {
		s.ownOptions(c, f)
	}
	return c
}

// ownOptions hands a face its arguments as they stand, without those of all commands before them.
func (s *shell) ownOptions(c *cobra.Command, f Face) {
	c.Use, c.DisableFlagParsing = f.Name+" [OPTION...]", true
	var own []string
	c.PersistentPreRunE = func(c *cobra.Command, args []string) (err error) {
		if own, err = commonFirst(c, args); err != nil {
			return usage("%w", err)
		}
		return s.prepare(c, own)
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		if slices.Contains(own, "--help") || slices.Equal(own, []string{"-h"}) {
			return c.Help()
		}
		s.started = true
		return f.Run(c.Context(), s.common, own)
	}
}

// commonFirst reads the options of all commands that stand first, as in --data DIR or --data=DIR, and returns what follows.
func commonFirst(c *cobra.Command, args []string) ([]string, error) {
	for len(args) > 0 {
		name, value, joined := strings.Cut(strings.TrimPrefix(args[0], "--"), "=")
		flag := c.InheritedFlags().Lookup(name)
		if !strings.HasPrefix(args[0], "--") || flag == nil {
			return args, nil
		}
		args = args[1:]
		if !joined {
			if len(args) == 0 {
				return nil, fmt.Errorf("--%s: want a value behind it", name)
			}
			value, args = args[0], args[1:]
		}
		if err := c.InheritedFlags().Set(name, value); err != nil {
			return nil, err
		}
	}
	return args, nil
}
