package httpapi

import (
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"tocsin/internal/fault"
)

// idle is how long a peer may take to send or to take the next bytes. It bounds slow peers, not long requests.
const idle = 30 * time.Second

// writtenAtOnce is how much of an answer the time limit of one write holds for: who takes so much in that time may go on.
const writtenAtOnce = 64 << 10

// Large answers, such as a million sessions, stay in memory until they are taken, however slowly. maxSending bounds how much all of
// them hold, in bytes; an answer of less than freely does not count.
const (
	maxSending = 1 << 30
	freely     = 1 << 20
)

// A response gives each write its own time limit and remembers the status.
type response struct {
	http.ResponseWriter
	control *http.ResponseController
	sending *semaphore.Weighted // bytes of large answers that are not taken yet, of all responses of a server
	status  int
	armed   time.Time

	flowtraq bool // what is wrong is told as FlowTraq's API did as well
}

func newResponse(w http.ResponseWriter, sending *semaphore.Weighted) *response {
	res := &response{ResponseWriter: w, control: http.NewResponseController(w), sending: sending}
	res.arm()
	return res
}

// arm renews the time limit, at most once a second.
func (w *response) arm() {
	if now := time.Now(); now.Sub(w.armed) > time.Second {
		w.armed = now
		_ = w.control.SetWriteDeadline(now.Add(idle)) // fails only where there is no connection, as in tests of handlers
	}
}

func (w *response) WriteHeader(status int) {
	w.arm()
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(p []byte) (n int, err error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	for {
		w.arm()
		part := p[n:min(n+writtenAtOnce, len(p))]
		taken, err := w.ResponseWriter.Write(part)
		if n += taken; err != nil || n == len(p) {
			return n, err
		}
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// answer writes v as JSON; a nil v is an empty 204. The error wraps fault.Unavailable when too much of other answers waits to be taken.
func (w *response) answer(v any) error {
	if v == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	pieces, err := encode(withoutNull(v))
	if err != nil {
		return err
	}
	size := int64(0)
	for _, piece := range pieces {
		size += int64(len(piece))
	}
	if size >= freely {
		held := min(size, maxSending)
		if !w.sending.TryAcquire(held) {
			return fault.New(fault.Unavailable, "the answer has %d MiB, and others of together 1 GiB are not taken yet: ask for less, or again later", size>>20)
		}
		defer w.sending.Release(held)
	}
	w.Header().Set("Content-Type", "application/json")
	for _, piece := range append(pieces, []byte{'\n'}) {
		if _, err := w.Write(piece); err != nil {
			break // the asker is gone
		}
	}
	return nil
}

// elementsOfPiece are so many of a list that several of them are worth encoding at once.
const elementsOfPiece = 500

// encode writes v as JSON, a long list in pieces, two at once: one text of it all would be copied whenever it outgrew its
// place, and for its whole length in the end.
func encode(v any) (pieces [][]byte, err error) {
	list := reflect.ValueOf(v)
	if list.Kind() != reflect.Slice || list.Type().Elem().Kind() != reflect.Struct || list.Len() <= elementsOfPiece {
		text, err := json.Marshal(v)
		return [][]byte{text}, err
	}
	var g errgroup.Group
	g.SetLimit(2)
	pieces = make([][]byte, (list.Len()+elementsOfPiece-1)/elementsOfPiece)
	for i := range pieces {
		part := list.Slice(i*elementsOfPiece, min((i+1)*elementsOfPiece, list.Len()))
		g.Go(func() (err error) {
			pieces[i], err = json.Marshal(part.Interface())
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i := range pieces[1:] { // one list instead of many
		pieces[i] = pieces[i][:len(pieces[i])-1]
		pieces[i+1][0] = ','
	}
	return pieces, nil
}

// withoutNull returns v with every nil list and map made empty, so that callers find [] and {} and never null.
func withoutNull(v any) any {
	c := reflect.New(reflect.TypeOf(v)).Elem()
	c.Set(reflect.ValueOf(v))
	filler{}.fill(c)
	return c.Interface()
}

// A filler makes nil lists and maps empty. It knows the fields of each structure that hold any, so that a long list of
// structures is not searched field by field.
type filler map[reflect.Type][]int

func (f filler) fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return // json.RawMessage
		}
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		if !f.holds(v.Type().Elem()) {
			return
		}
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
	case reflect.Struct:
		for _, i := range f.fields(v.Type()) {
			f.fill(v.Field(i))
		}
	default: // the rest has no null, or means it
	}
}

// holds says whether there may be a list or a map to fill in values of a type.
func (f filler) holds(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice:
		return t.Elem().Kind() != reflect.Uint8
	case reflect.Map:
		return true
	case reflect.Struct:
		return len(f.fields(t)) > 0
	default:
		return false
	}
}

// fields lists the fields of a structure that hold any.
func (f filler) fields(t reflect.Type) []int {
	list, known := f[t]
	if known {
		return list
	}
	for i := range t.NumField() {
		if t.Field(i).IsExported() && f.holds(t.Field(i).Type) {
			list = append(list, i)
		}
	}
	f[t] = list
	return list
}
