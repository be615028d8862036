package desk

import (
	"context"

	"tocsin/internal/api"
)

// Exporters implements api.Service.
func (d *Desk) Exporters(context.Context) ([]api.Exporter, error) { return d.parts.Exporters(), nil }
