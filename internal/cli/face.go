package cli

import (
	"context"

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
	// Run runs one of its commands. An error of kind fault.Invalid is about how it was called, unless Refused marked it.
	Run func(ctx context.Context, c Common, args []string) error
}

// Refused marks an error as being about something that was read, and not about how a command was called.
func Refused(err error) error { return refused(err) }

// Clean makes foreign text harmless in a terminal; line ends and tabs stay.
func Clean(text string) string { return printable(text) }

func (s *shell) faceCommand(f Face) *cobra.Command {
	c := &cobra.Command{
		Use: f.Name + " COMMAND [ARGUMENT...]", Short: f.Short, Long: f.Long, Example: f.Example,
		ValidArgs: f.Commands, GroupID: "faces",
	}
	c.RunE = s.run(func(ctx context.Context, args []string) error { return f.Run(ctx, s.common, args) })
	return c
}
