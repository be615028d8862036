package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// A declared format reads a followed file; SIGHUP takes its change over, and a mistake in it changes nothing.
func TestReloadFormats(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, log, formats := filepath.Join(dir, "tocsin.yaml"), filepath.Join(dir, "shop.log"), filepath.Join(dir, "shop.yaml")
	declare := func(pattern string) {
		write(t, formats, fmt.Sprintf("formats: {shop: {text: {patterns: ['%s']}}}\n", pattern), 0o600)
	}
	declare("one {message}")
	write(t, log, "one a\ntwo b\n", 0o600)
	write(t, config, fmt.Sprintf(base+"format_files: [shop.yaml]\nsources: {syslog: [], flows: [], files: [{name: shop, paths: [%s], format: shop}]}\n", log), 0o600)
	d := start(t, filepath.Join(dir, "data"), config, "")
	d.eventually("the first pattern reads", func() bool { return exactly(d.events(), "a") })

	declare("two {mesage}")
	d.hangUp()
	if cause := d.told(`(?s)"configuration stays as it was","cause":"(.*)`); !strings.Contains(cause, "did you mean message?") {
		t.Errorf("a mistake is told as %.600s", cause)
	}
	extend(t, log, "one c\n")
	d.eventually("the first pattern still reads", func() bool { return exactly(d.events(), "a", "c") })

	declare("two {message}")
	d.hangUp()
	d.told(`"configuration read again"`)
	extend(t, log, "one d\ntwo e\n")
	d.eventually("the second pattern reads", func() bool { return exactly(d.events(), "a", "c", "e") })
	d.stop()
}
