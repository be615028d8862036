package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/internal/document"
)

// A RuleFile is a file of rules, or of formats, as it stands.
type RuleFile struct {
	Path string
	Text []byte
}

// ReadRuleFiles reads the files that RuleFiles names, in the order of their settings and then of their names, each once.
func (c *Config) ReadRuleFiles(origins *document.Origins) ([]RuleFile, error) {
	return c.readFiles(origins, "rule_files", c.RuleFiles)
}

// readFiles reads the files that a setting names by paths and patterns.
func (c *Config) readFiles(origins *document.Origins, setting string, patterns []string) ([]RuleFile, error) {
	var files []RuleFile
	var errs []error
	read := map[string]bool{}
	for i, pattern := range patterns {
		key := fmt.Sprintf("%s[%d]", setting, i)
		paths := []string{pattern}
		if strings.ContainsAny(pattern, "*?[") {
			var err error
			if paths, err = filepath.Glob(pattern); err != nil {
				errs = append(errs, origins.Locate(document.Wrap(key, err)))
			}
			slices.Sort(paths)
		}
		for _, path := range paths {
			if read[path] {
				continue
			}
			read[path] = true
			text, err := readBounded(path, document.MaxSize)
			if err != nil {
				errs = append(errs, origins.Locate(document.Wrap(key, err)))
				continue
			}
			files = append(files, RuleFile{Path: path, Text: text})
		}
	}
	return files, document.Join(errors.Join(errs...))
}
