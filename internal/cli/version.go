package cli

import (
	"context"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func (s *shell) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: `  tocsin version -o json`,
		Args:    cobra.NoArgs,
		RunE: s.run(func(context.Context, []string) error {
			v := struct {
				Version  string `json:"version"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{s.Version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			if s.format == "json" {
				return writeJSON(s.Out, v)
			}
			_, err := fmt.Fprintf(s.Out, "tocsin %s (%s, %s)\n", v.Version, v.Go, v.Platform)
			return err
		}),
	}
}
