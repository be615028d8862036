package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/parser"
)

// Plugins are the parts that only the caller knows, by which the blocks of plug-ins are read.
type Plugins struct {
	Formats   parser.Set
	Notifiers notifier.Set
}

// A Reader is a source's parser with its settings.
type Reader struct {
	Format   parser.Format // of zero Name where it is to be guessed
	Settings parser.Config // nil where it is to be guessed
	Base     parser.Options
}

// Readers returns the parsers of all sources by name of the source, and every mistake in their settings.
func (c *Config) Readers(origins *document.Origins, plugins Plugins) (map[string]Reader, error) {
	readers := map[string]Reader{}
	var errs []error
	add := func(key, name, format string, base parser.Options, settings document.Node) {
		r := Reader{Base: base}
		if format != "" {
			known, ok := plugins.Formats[format]
			if !ok {
				errs = append(errs, origins.Locate(document.Choice(key+".format", format, slices.Sorted(maps.Keys(plugins.Formats)))))
				return
			}
			r.Format, r.Settings = known, known.Default()
			if err := c.plugin(settings, r.Settings); err != nil {
				errs = append(errs, err)
				return
			}
			if own := r.Settings.Base(); own != nil {
				if base.Zone != "" {
					own.Zone = base.Zone
				}
				if base.Service != "" {
					own.Service = base.Service
				}
			}
		}
		readers[name] = r
	}
	for i, s := range c.Sources.Files {
		add(fmt.Sprintf("sources.files[%d]", i), s.Name, s.Format, parser.Options{Zone: s.Zone, Service: s.Service}, s.Settings)
	}
	for i, s := range c.Sources.Syslog {
		format := s.Format
		if format == "" {
			format = "syslog"
		}
		key := fmt.Sprintf("sources.syslog[%d]", i)
		add(key, s.Name, format, parser.Options{Zone: s.Zone, Service: s.Service}, s.Settings)
		if r, ok := readers[s.Name]; ok && r.Settings.Base().Multiline.On() {
			errs = append(errs, origins.Locate(document.At(key+".format", format, "a format without multiline: a message is a record of its own")))
		}
	}
	return readers, document.Join(errs...)
}

// Channels returns the settings of all channels by name, and every mistake in them.
func (c *Config) Channels(plugins Plugins) (map[string]notifier.Config, error) {
	channels := map[string]notifier.Config{}
	var errs []error
	for name, channel := range c.Notify {
		if channel.Via.IsZero() {
			continue // which is a mistake that loading found
		}
		kind, settings, err := channel.Via.One(slices.Sorted(maps.Keys(plugins.Notifiers)))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		into := plugins.Notifiers[kind]()
		if err := c.plugin(settings, into); err != nil {
			errs = append(errs, err)
			continue
		}
		channels[name] = into
	}
	return channels, document.Join(errs...)
}

// plugin reads the settings of a plug-in and the secrets in them.
func (c *Config) plugin(settings document.Node, into any) error {
	if err := settings.Decode(into); err != nil {
		return err
	}
	return settings.Locate(document.ReadSecrets(into, c.ReadSecret))
}

// Check reports the mistakes in the blocks of all plug-ins at once.
func (c *Config) Check(origins *document.Origins, plugins Plugins) error {
	_, readers := c.Readers(origins, plugins)
	_, channels := c.Channels(plugins)
	return document.Join(errors.Join(readers, channels))
}
