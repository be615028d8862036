package app

import "tocsin/internal/ingest"

// configured returns how the sources are read whose format the configuration names.
func configured(setup *Setup) map[string]ingest.Configured {
	all := map[string]ingest.Configured{}
	for name, r := range setup.readers {
		if r.Settings != nil {
			all[name] = ingest.Configured{Format: r.Format, Settings: r.Settings}
		}
	}
	return all
}

// resolve ends what a tocsin that was killed had begun: whether rejected records that it read again were accepted is known by
// journal and history. When it cannot be noted, nothing is read again until the next start, and everything else goes on.
func (a *App) resolve() {
	accepted, _ := a.ingest.Resume(a.rejected.ID())
	if err := a.rejected.Resolve(accepted); err != nil {
		a.log.Warn("rejected lines that were read again cannot be removed", "cause", err)
	}
}
