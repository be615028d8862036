package httpapi

import (
	"context"

	"tocsin/internal/api"
)

// Quarantine implements api.Service.
func (c *Client) Quarantine(ctx context.Context, q api.QuarantineRequest) ([]api.QuarantineGroup, error) {
	return get[[]api.QuarantineGroup](ctx, c, "/api/v1/quarantine", encodeQuery(q))
}

// QuarantineEntries implements api.Service.
func (c *Client) QuarantineEntries(ctx context.Context, q api.QuarantineRequest) ([]api.QuarantineEntry, error) {
	return get[[]api.QuarantineEntry](ctx, c, "/api/v1/quarantine/entries", encodeQuery(q))
}

// RetryQuarantine implements api.Service.
func (c *Client) RetryQuarantine(ctx context.Context, q api.QuarantineRetry) (api.QuarantineRetried, error) {
	return post[api.QuarantineRetried](ctx, c, "/api/v1/quarantine/retry", q)
}

// DropQuarantine implements api.Service.
func (c *Client) DropQuarantine(ctx context.Context, q api.QuarantineRequest) (api.QuarantineDropped, error) {
	return post[api.QuarantineDropped](ctx, c, "/api/v1/quarantine/drop", q)
}
