package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const clfTime = "02/Jan/2006:15:04:05 -0700"

// makeLog writes copies of the sample, each four days later, lines in the order of time as a server writes them.
func makeLog(path, sample string, lines int) (size int64, err error) {
	data, err := os.ReadFile(sample)
	if err != nil {
		return 0, err
	}
	type entry struct {
		at           time.Time
		before, rest []byte
	}
	var entries []entry
	for line := range bytes.Lines(data) {
		from := bytes.IndexByte(line, '[') + 1
		to := from + bytes.IndexByte(line[from:], ']')
		at, err := time.Parse(clfTime, string(line[from:to]))
		if err != nil {
			return 0, fmt.Errorf("%s: %w", sample, err)
		}
		entries = append(entries, entry{at, line[:from], line[to:]})
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return a.at.Compare(b.at) })
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	var stamp []byte
	for n := range lines {
		e := &entries[n%len(entries)]
		stamp = e.at.AddDate(0, 0, 4*(n/len(entries))).AppendFormat(stamp[:0], clfTime)
		for _, part := range [][]byte{e.before, stamp, e.rest} {
			k, _ := w.Write(part)
			size += int64(k)
		}
	}
	return size, cmp.Or(w.Flush(), file.Close())
}

// trailSample holds real CloudTrail records, one JSON array or object a file.
const trailSample = "testdata/real/cloudtrail"

// trailRecords reads the sample, one record an element, and their ids.
func trailRecords() (records [][]byte, ids []string, err error) {
	paths, err := filepath.Glob(filepath.Join(trailSample, "*.json"))
	if err != nil || len(paths) == 0 {
		return nil, nil, cmp.Or(err, fmt.Errorf("%s: no sample", trailSample))
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		var list []json.RawMessage
		if err := json.Unmarshal(text, &list); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, record := range list {
			var packed bytes.Buffer
			var named struct {
				ID string `json:"eventID"`
			}
			if err := cmp.Or(json.Compact(&packed, record), json.Unmarshal(record, &named)); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", path, err)
			}
			records, ids = append(records, packed.Bytes()), append(ids, named.ID)
		}
	}
	return records, ids, nil
}

// makeTrail writes one file of CloudTrail records as AWS delivers it, each record with an id of its own.
func makeTrail(path string, count int) (size int64, err error) {
	records, ids, err := trailRecords()
	if err != nil {
		return 0, err
	}
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	before := `{"Records":[`
	for n := range count {
		record, id := records[n%len(records)], ids[n%len(records)]
		if id != "" {
			record = bytes.Replace(record, []byte(id), fmt.Appendf(nil, "%08x-%s", n, id[min(9, len(id)):]), 1)
		}
		for _, part := range [][]byte{[]byte(before), record} {
			k, _ := w.Write(part) // an error stays for Flush
			size += int64(k)
		}
		before = ","
	}
	_, _ = w.WriteString("]}")
	return size + 2, cmp.Or(w.Flush(), file.Close())
}
