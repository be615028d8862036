package app

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/source/flows"
)

// flowsEvery is how often what is known of exporters is saved. After a crash the templates and sessions of so long are missing.
const flowsEvery = time.Minute

func (a *App) flowsDir() string { return filepath.Join(a.setup.Config.Data, "flows") }

// openFlows reads what is known of exporters. What cannot be read is said, and begun anew.
func (a *App) openFlows() {
	a.flows = flows.NewMemory()
	a.flows.Measure(a.registry)
	if err := a.flows.Load(a.flowsDir()); err != nil {
		a.log.Warn("what was known of exporters of flows is begun anew", "err", err)
	}
}

// exporters lists who sends flows.
func (a *App) exporters() []api.Exporter {
	return a.flows.Exporters(time.Now(), time.Duration(a.exporterSilence.Load()))
}

// exporterTroubles tells of exporters of whom somebody must look.
func (a *App) exporterTroubles() []string {
	return a.flows.Troubles(time.Now(), time.Duration(a.exporterSilence.Load()))
}

// keepFlows saves what is known of exporters now and then.
func (a *App) keepFlows(ctx context.Context) error {
	ticker := time.NewTicker(flowsEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			a.saveFlows()
		}
	}
}

func (a *App) saveFlows() {
	if !a.options.Live {
		return
	}
	err := os.MkdirAll(a.flowsDir(), 0o700)
	if err == nil {
		err = a.flows.Save(a.flowsDir())
	}
	if err != nil {
		a.log.Warn("what is known of exporters of flows is not saved, trying again in a minute", "err", err)
	}
}
