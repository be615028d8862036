package app

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/source/flows"
	"tocsin/internal/watch"
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

// interfaces lists those of an exporter, or with the zero address those of all.
func (a *App) interfaces(exporter netip.Addr) []api.Interface {
	return a.flows.Interfaces(time.Now(), exporter)
}

// mostWatched bounds the interfaces that are watched.
const mostWatched = 1000

// watchedPorts tells of the interfaces that have names, of all exporters that count, by exporter and number, and for how long they
// may be busy or down.
func (a *App) watchedPorts() ([]watch.Port, watch.PortLimits) {
	limits, now := *a.portLimits.Load(), time.Now()
	if limits == (watch.PortLimits{}) {
		return nil, limits
	}
	var list []watch.Port
	for _, exporter := range slices.SortedFunc(maps.Keys(a.flows.Counted()), netip.Addr.Compare) {
		named := map[uint32]bool{}
		for _, p := range a.naming.Book().Interfaces(exporter) {
			named[p.Index] = true
		}
		if len(named) == 0 {
			continue
		}
		list = append(list, portsOf(a.flows.Interfaces(now, exporter), named)...)
		if len(list) >= mostWatched {
			return list[:mostWatched], limits
		}
	}
	return list, limits
}

// portsOf returns those interfaces of an exporter that have names. Of several under one number, as of the agents behind it, what is
// worst counts.
func portsOf(interfaces []api.Interface, named map[uint32]bool) (list []watch.Port) {
	at := map[uint32]int{}
	for i := range interfaces {
		n := &interfaces[i]
		if !named[n.Index] {
			continue
		}
		place, known := at[n.Index]
		if !known {
			place = len(list)
			at[n.Index] = place
			list = append(list, watch.Port{Key: fmt.Sprintf("%s#%d", n.Exporter, n.Index), Used: -1})
		}
		p := &list[place]
		if u := n.In.Utilisation; u != nil && *u > p.Used {
			p.Used, p.Way = *u, "in"
		}
		if u := n.Out.Utilisation; u != nil && *u > p.Used {
			p.Used, p.Way = *u, "out"
		}
		if n.Over > 0 { // else it is not heard
			p.Down = p.Down || n.State == "down" && n.Admin == "up"
			p.Up = !p.Down && (p.Up || n.State == "up")
		}
	}
	return list
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
