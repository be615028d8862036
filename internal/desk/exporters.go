package desk

import (
	"context"

	"tocsin/internal/api"
)

// Exporters implements api.Service.
func (d *Desk) Exporters(context.Context) ([]api.Exporter, error) {
	list := d.parts.Exporters()
	for i := range list {
		d.showExporter(&list[i])
	}
	return list, nil
}
