package config

import (
	"errors"
	"net/url"
	"time"

	"tocsin/internal/document"
)

// Validate checks the form of the URL and the ranges; the channel is looked for with all others.
func (h Heartbeat) Validate() error {
	errs := []error{
		between("every", h.Every, 10*time.Second, 24*time.Hour),
		between("channel_every", h.ChannelEvery, time.Minute, 30*24*time.Hour),
	}
	if text := h.URL.Reveal(); text != "" {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			errs = append(errs, document.At("url", h.URL, "an address such as https://hc-ping.com/KEY"))
		}
	}
	return errors.Join(errs...)
}

// checkSilence checks how long a source may be silent.
func checkSilence(after time.Duration) error {
	if after == 0 || after >= time.Minute && after <= 365*24*time.Hour {
		return nil
	}
	return document.At("silent_after", after, "1m to 365d, or off")
}
