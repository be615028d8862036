package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/app"
)

// Each block of YAML on a page of the repository is a configuration that `tocsin check` finds good, so that it can be copied.
func TestPagesShowGoodConfigurations(t *testing.T) {
	t.Parallel()
	const root = "../.."
	blocks := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != root):
			return fs.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, block := range yamlBlocks(string(text)) {
			blocks++
			file := filepath.Join(t.TempDir(), "tocsin.yaml")
			write(t, file, block, 0o600)
			if _, err := app.Load(file, nil); err != nil {
				t.Errorf("%s: block %d:\n%v", path, i+1, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if blocks < 4 {
		t.Errorf("%d blocks were found, want those of the detectors at least", blocks)
	}
}

// yamlBlocks returns the blocks of a page that are fenced as YAML.
func yamlBlocks(page string) (blocks []string) {
	var block *strings.Builder
	for line := range strings.Lines(page) {
		switch fence := strings.TrimSpace(line); {
		case block == nil && fence == "```yaml":
			block = &strings.Builder{}
		case block != nil && fence == "```":
			blocks, block = append(blocks, block.String()), nil
		case block != nil:
			fmt.Fprint(block, line)
		}
	}
	return blocks
}
