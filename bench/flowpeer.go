package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// nfcapd measures nfcapd of nfdump on the same load, and nfdump on what it wrote, where they are installed. nfcapd only writes.
func nfcapd(f *figures, o options, dir string) error {
	program, err := exec.LookPath("nfcapd")
	if errors.Is(err, exec.ErrNotFound) {
		f.said("nfcapd", "is not installed")
		return nil
	}
	if err != nil {
		return err
	}
	address, err := freePort()
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	files := filepath.Join(dir, "nfcapd")
	if err := os.Mkdir(files, 0o700); err != nil {
		return err
	}
	cmd := exec.Command(program, "-w", files, "-p", port, "-b", "127.0.0.1", "-t", "3600", "-B", "4000000", "-y")
	if err := cmd.Start(); err != nil {
		return err
	}
	time.Sleep(time.Second)
	load, err := generate(o, address, o.shape)
	sent := load.sent
	time.Sleep(2 * time.Second)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
	if err != nil {
		return err
	}
	kept, size, ranking := int64(0), int64(0), time.Duration(0)
	err = filepath.WalkDir(files, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text, err := exec.Command("nfdump", "-r", path, "-I").Output()
		m := regexp.MustCompile(`(?m)^Flows: (\d+)$`).FindSubmatch(text)
		if err != nil || m == nil {
			return nil // a file of another sort
		}
		n, _ := strconv.ParseInt(string(m[1]), 10, 64)
		kept, size = kept+n, size+info.Size()
		top, err := measure([]string{"nfdump", "-r", path, "-s", "srcip/bytes", "-n", "10"})
		ranking += top.cpu
		return err
	})
	if err != nil {
		return err
	}
	if kept == 0 {
		return errors.New("nfcapd kept nothing")
	}
	used, n := cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), float64(kept)
	f.said("nfcapd -y, which only writes", "%d flows of %d sent", kept, sent)
	f.said("  lost", "%.3f %%", 100*float64(sent-kept)/float64(sent))
	f.said("  processor time", "%.2f CPU-s a million", used.Seconds()/n*1e6)
	f.said("  files", "%.1f bytes a flow", float64(size)/n)
	f.said("  nfdump -s srcip/bytes -n 10, for 5 M flows", "%.3f CPU-s", ranking.Seconds()/n*5e6)
	return nil
}
