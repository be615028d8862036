package main

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// tuneMemory sets how much more memory is taken than is held. Half as much again is enough: a smaller heap costs little beside the
// rest. Where that would not fit into what the machine or its control group has, less is taken, at the price of processor time,
// rather than that the system ends the process. Who sets GOGC or GOMEMLIMIT knows better.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(mostMemory(os.DirFS("/")))
	}
}

// mostMemory returns the bytes that this process may take: nine tenths of what there is, the rest being for what does not lie in the
// heap. Where the system does not say, it is math.MaxInt64.
func mostMemory(root fs.FS) int64 {
	least := int64(math.MaxInt64)
	see := func(text string, unit int64) {
		if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil && n > 0 && n < math.MaxInt64/unit {
			least = min(least, n*unit)
		}
	}
	meminfo, _ := fs.ReadFile(root, "proc/meminfo") // which only Linux has, as all that follows
	for line := range strings.Lines(string(meminfo)) {
		if total, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			see(strings.TrimSuffix(strings.TrimSpace(total), " kB"), 1<<10)
		}
	}
	groups, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(groups)) { // "hierarchy:controllers:path", see cgroups(7)
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		base, name := "sys/fs/cgroup", "memory.max"
		if parts[1] == "memory" {
			base, name = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if parts[1] != "" {
			continue
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) { // each is held to the limits of those above it as well
			text, _ := fs.ReadFile(root, path.Join(base, group, name))
			see(string(text), 1)
			if group == "/" {
				break
			}
		}
	}
	if least == math.MaxInt64 {
		return least
	}
	return least / 10 * 9
}
