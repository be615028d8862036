package config

import (
	"fmt"

	"tocsin/internal/declared"
	"tocsin/internal/document"
	"tocsin/internal/parser"
)

// DeclaredFormats returns the formats that stand in the configuration and in the files that it names, in this order, and
// every mistake in them. bases are the formats that tocsin has itself.
func (c *Config) DeclaredFormats(origins *document.Origins, bases parser.Set) ([]declared.Format, error) {
	var all []declared.Format
	var errs []error
	first := map[string]string{} // where each name stands
	add := func(formats ...declared.Format) {
		for _, f := range formats {
			place := fmt.Sprintf("%s:%d", f.File, f.Line)
			if other, twice := first[f.Name]; twice {
				errs = append(errs, fmt.Errorf("%s: format %s: there is one of that name in %s", place, f.Name, other))
				continue
			}
			first[f.Name] = place
			all = append(all, f)
		}
	}
	for _, name := range c.Formats.Keys() {
		node, _ := c.Formats.Get(name)
		f, err := declared.DecodeOne(name, node, bases)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		add(f)
	}
	files, err := c.readFiles(origins, "format_files", c.FormatFiles)
	errs = append(errs, err)
	for _, file := range files {
		formats, err := declared.Decode(file.Path, file.Text, bases)
		errs = append(errs, err)
		add(formats...)
	}
	return all, document.Join(errs...)
}
