package api

import "time"

// Location is the zone of the machine where tocsin runs; UTC where it is not told or not known here.
func (h Health) Location() *time.Location {
	if h.Zone == "" || h.Zone == "Local" {
		return time.UTC
	}
	if zone, err := time.LoadLocation(h.Zone); err == nil {
		return zone
	}
	at, err := time.Parse("-07:00", h.Zone)
	if err != nil {
		return time.UTC
	}
	_, offset := at.Zone()
	return time.FixedZone(h.Zone, offset)
}
