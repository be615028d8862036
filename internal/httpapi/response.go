package httpapi

import (
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"golang.org/x/sync/errgroup"
)

// idle is how long a peer may take to send or to take the next bytes. It bounds slow peers, not long requests.
const idle = 30 * time.Second

// A response gives each write its own time limit and remembers the status.
type response struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int
	armed   time.Time

	flowtraq bool // what is wrong is told as FlowTraq's API did as well
}

func newResponse(w http.ResponseWriter) *response {
	res := &response{ResponseWriter: w, control: http.NewResponseController(w)}
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

func (w *response) Write(p []byte) (int, error) {
	w.arm()
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// answer writes v as JSON; a nil v is an empty 204.
func (w *response) answer(v any) error {
	if v == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	body, err := encode(withoutNull(v))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n')) // the asker may be gone
	return nil
}

// manyElements are so many of a list that it is worth encoding its parts at once.
const manyElements = 2000

// encode writes v as JSON, a long list in two halves at once.
func encode(v any) ([]byte, error) {
	list := reflect.ValueOf(v)
	if list.Kind() != reflect.Slice || list.Type().Elem().Kind() != reflect.Struct || list.Len() < manyElements {
		return json.Marshal(v)
	}
	middle := list.Len() / 2
	var first, second []byte
	var g errgroup.Group
	g.Go(func() (err error) {
		first, err = json.Marshal(list.Slice(0, middle).Interface())
		return err
	})
	g.Go(func() (err error) {
		second, err = json.Marshal(list.Slice(middle, list.Len()).Interface())
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	first[len(first)-1] = ','
	return append(first, second[1:]...), nil
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
