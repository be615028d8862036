package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (s *shell) healthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask a running tocsin whether it can do its work",
		Long:  "Asks /readyz of --server, or of 127.0.0.1:8400, for at most 5 seconds. It needs no token. Made for containers.",
		Example: `  tocsin healthcheck
  tocsin healthcheck --server http://10.0.0.5:8400`,
		Args: cobra.NoArgs,
		RunE: s.run(func(ctx context.Context, _ []string) error {
			server := s.common.Server
			if server == "" {
				server = "http://127.0.0.1:8400"
			}
			ctx, stop := context.WithTimeout(ctx, 5*time.Second)
			defer stop()
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(server, "/")+"/readyz", http.NoBody)
			if err != nil {
				return usage("--server %q: %w", server, err)
			}
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			res, err := client.Do(r)
			if err != nil {
				return err
			}
			defer func() { _ = res.Body.Close() }() // read only
			text, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
			if res.StatusCode != http.StatusOK {
				return fmt.Errorf("tocsin at %s: %s", server, strings.TrimSpace(string(text)))
			}
			_, writeErr := fmt.Fprint(s.Out, clean(strings.TrimSpace(string(text)))+"\n")
			return errors.Join(err, writeErr)
		}),
	}
}
