package cloudtrail_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/event"
	"tocsin/internal/parser/cloudtrail"
	"tocsin/internal/parser/parsertest"
)

const realRecords = "../../../testdata/real/cloudtrail/*.json"

func TestContract(t *testing.T) { parsertest.Run(t, cloudtrail.Format(), cloudtrail.Sample) }

func FuzzParse(f *testing.F) { parsertest.Fuzz(f, cloudtrail.Format()) }

// delivered returns the records of the real files, compact as CloudTrail delivers them.
func delivered(tb testing.TB) (records [][]byte) {
	tb.Helper()
	paths, err := filepath.Glob(realRecords)
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no files %s (%v)", realRecords, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		var all []json.RawMessage
		if err := json.Unmarshal(text, &all); err != nil {
			tb.Fatalf("%s: %v", path, err)
		}
		for _, r := range all {
			var compact bytes.Buffer
			if err := json.Compact(&compact, r); err != nil {
				tb.Fatal(err)
			}
			records = append(records, compact.Bytes())
		}
	}
	return records
}

// What encoding/json finds in the real records, the parser finds.
func TestRealRecords(t *testing.T) {
	p, err := cloudtrail.Default().New()
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range delivered(t) {
		var want struct {
			EventName, EventSource, EventID, EventTime, AwsRegion, UserAgent, ErrorCode, ErrorMessage, RecipientAccountID string
			UserIdentity                                                                                                  struct{ UserName, PrincipalID, Arn string }
		}
		if err := json.Unmarshal(record, &want); err != nil {
			t.Fatal(err)
		}
		b := event.NewBuilder(event.Log)
		if bad := parsertest.Parse(t, p, b, record, parsertest.Received); bad != nil {
			t.Errorf("%v: %.300s", bad, record)
			continue
		}
		batch := b.Batch()
		var got map[string]any
		if err := json.Unmarshal(batch.AppendJSON(nil, 0), &got); err != nil {
			t.Fatal(err)
		}
		outcome := "success"
		if want.ErrorCode != "" {
			outcome = "failure"
		}
		for field, v := range map[string]string{
			"event.action": want.EventName, "event.provider": want.EventSource, "service.name": want.EventSource,
			"event.id": want.EventID, "@timestamp": want.EventTime, "cloud.region": want.AwsRegion,
			"user_agent.original": want.UserAgent, "error.code": want.ErrorCode, "error.message": want.ErrorMessage,
			"cloud.account.id": want.RecipientAccountID, "user.name": want.UserIdentity.UserName,
			"user.id": want.UserIdentity.PrincipalID, "labels.userIdentity.arn": want.UserIdentity.Arn, "event.outcome": outcome,
			"event.original": string(record), "cloud.provider": "aws",
		} {
			if g, _ := got[field].(string); g != v {
				t.Errorf("%s: got %q, want %q of %.200s", field, g, v, record)
			}
		}
		if m, _ := got["message"].(string); !strings.HasPrefix(m, want.EventName+" by ") {
			t.Errorf("message: got %q, want it to begin with %q", m, want.EventName+" by ")
		}
		if score := cloudtrail.Score(record); score != 100 {
			t.Errorf("Score = %d, want 100: %.200s", score, record)
		}
	}
}

// FuzzValid holds the scanner to encoding/json: it takes no text for a record that is none.
func FuzzValid(f *testing.F) {
	for _, dir := range []string{"aws", "odd"} {
		for _, r := range parsertest.Records(f, "testdata/"+dir+"/input.log") {
			f.Add(r)
		}
	}
	p, err := cloudtrail.Default().New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		// A record is valid JSON with one of three names; behind a brace that names one the grammar alone decides.
		named := append([]byte(`{"eventID":"1","x":`), record...)
		named = append(named, '}')
		_, bad := parsertest.Rows(t, event.Log, p, named, parsertest.Received)
		depth := bytes.Count(record, []byte("{")) + bytes.Count(record, []byte("["))
		if want := json.Valid(named); depth < cloudtrail.MaxDepth-1 && !bytes.Contains(record, []byte("Records")) && want != (bad == nil) {
			t.Errorf("Parse(%q) = %v, encoding/json says valid: %v", named, bad, want)
		}
	})
}

func BenchmarkParse(b *testing.B) { parsertest.Bench(b, cloudtrail.Format(), delivered(b)) }
