package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"tocsin/internal/permission"
)

// Every command says which operation it is, that operation is in the table, and the help of those for administrators says so.
func TestEveryCommandHasAnOperation(t *testing.T) {
	s := &shell{Options: Options{Env: func(string) string { return "" }}}
	ops, seen := Operations(), map[string]bool{}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		name := commandName(c)
		if name == "" || c.HasSubCommands() && ops[name] == "" || c.Hidden && name != "users token" {
			return
		}
		op, known := ops[name]
		seen[name] = true
		line, there := permission.Of(op)
		switch {
		case !known:
			t.Errorf("tocsin %s: nobody says what it asks of the service: add it to Operations", name)
		case op != "" && !there:
			t.Errorf("tocsin %s: package permission has no line %q", name, op)
		case op != "" && (line.Least == permission.Admin) != strings.Contains(c.Long, "For administrators"):
			t.Errorf("tocsin %s is for %s, and its help says otherwise: %q", name, line.Least, c.Long)
		}
	}
	walk(s.root())
	for name := range ops {
		if !seen[name] {
			t.Errorf("there is no command tocsin %s", name)
		}
	}
}
