package main

import (
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"
)

// Who says how much memory the program may take is not overruled.
func TestTuneMemory(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(70))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 40))
	t.Setenv("GOGC", "70")
	t.Setenv("GOMEMLIMIT", "1TiB")
	tuneMemory()
	percent, limit := debug.SetGCPercent(70), debug.SetMemoryLimit(-1)
	if percent != 70 || limit != 1<<40 {
		t.Errorf("with GOGC and GOMEMLIMIT: %d %% and %d bytes, want what they say", percent, limit)
	}
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	tuneMemory()
	percent, limit = debug.SetGCPercent(70), debug.SetMemoryLimit(-1)
	if percent != 50 || limit == 1<<40 {
		t.Errorf("without: %d %% and %d bytes, want 50 %% and what there is", percent, limit)
	}
}

func TestMostMemory(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing is said":        {want: math.MaxInt64},
		"the machine":            {files: map[string]string{"proc/meminfo": "MemTotal:       24682400 kB\nMemFree: 5 kB\n"}, want: 24682400 * 1024 / 10 * 9},
		"a group without limits": {files: map[string]string{"proc/meminfo": "MemTotal: 1000 kB\n", "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, want: 921600},
		"a group": {files: map[string]string{"proc/meminfo": "MemTotal: 1000 kB\n", "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "500000\n"}, want: 450000},
		"a group in a smaller one": {files: map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "200000\n",
			"sys/fs/cgroup/a/b/memory.max": "500000\n"}, want: 180000},
		"the root of a container": {files: map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "300000\n"}, want: 270000},
		"the first version": {files: map[string]string{"proc/self/cgroup": "9:cpu:/x\n4:memory:/x\n0::/\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "400000\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, want: 360000},
		"foul": {files: map[string]string{"proc/meminfo": "MemTotal: x kB\nMemTotal: 9223372036854775807 kB\nMemTotal:", "proc/self/cgroup": "::\n0\n0::../../etc\n",
			"sys/fs/cgroup/memory.max": "-5\n"}, want: math.MaxInt64},
	} {
		root := fstest.MapFS{}
		for path, text := range c.files {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := mostMemory(root); got != c.want {
			t.Errorf("%s: mostMemory = %d, want %d", name, got, c.want)
		}
	}
}
