package desk

import (
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/event"
)

// mended says in words what the flags of a row stand for.
var mended = map[string]string{
	event.Cut.String():       "the line was longer than 256 KiB and was cut",
	event.Future.String():    "its time lies more than a minute ahead; it is judged at the time of receipt",
	event.NoTime.String():    "it has no readable time; the time of receipt stands in",
	event.NoZone.String():    "its time has no zone; the one of the source was taken (--zone)",
	event.LabelsCut.String(): "it has more labels than a row can hold; the rest was left out",
	event.BadUTF8.String():   "bytes that are no UTF-8 were replaced",
	event.Misfit.String():    "a value was not of its field's type and became a label",
	event.Unmatched.String(): "no pattern of the format fits; the whole line is the message",
}

// eventTrace lays one row out.
func eventTrace(b *event.Batch, row int, at int64) api.EventTrace {
	t := api.EventTrace{
		Kind: b.Kind.String(), Time: time.Unix(0, at).UTC(), Event: b.AppendJSON(nil, row), Fields: []api.EventField{}, Rules: []api.RuleTrace{},
	}
	columns := b.Columns()
	for i := range columns {
		c := &columns[i]
		v, ok := c.Value(row)
		if !ok {
			continue
		}
		value := strings.ToValidUTF8(string(c.AppendValueText(nil, v)), "\ufffd")
		t.Fields = append(t.Fields, api.EventField{Name: c.Field.Name, Type: c.Field.Type.String(), Value: value})
		if c.Field.ID != event.TocsinFlags {
			continue
		}
		for flag := range strings.SplitSeq(value, ",") {
			words := mended[flag]
			if words == "" {
				words = flag
			}
			t.Mended = append(t.Mended, words)
		}
	}
	from, to := b.Labels.Of(row)
	for i := from; i < to; i++ {
		t.Fields = append(t.Fields, api.EventField{
			Name: "labels." + strings.ToValidUTF8(string(b.Labels.Names.At(int(b.Labels.Keys[i]))), "\ufffd"), Type: "label",
			Value: strings.ToValidUTF8(string(b.Labels.Vals.At(i)), "\ufffd"),
		})
	}
	return t
}

// beginning is the beginning of foreign text, as UTF-8.
func beginning(text []byte, most int) string {
	return strings.ToValidUTF8(string(text[:min(len(text), most)]), "\ufffd")
}
