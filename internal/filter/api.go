// Package filter holds the language in which people say which events they mean, and turns it into predicates over the
// columns of a batch.
package filter

import "tocsin/internal/event"

// An Expr is a filter that was read and checked against the schema. It is never changed and may be shared.
type Expr struct{}

// Parse reads a filter.
func Parse(text string) (*Expr, error) { return nil, nil }

// String spells the filter so that Parse reads the same one again.
func (e *Expr) String() string { return "" }

// Fields lists the fields that the filter looks at.
func (e *Expr) Fields() []event.FieldID { return nil }

// Labels lists the labels that the filter looks at.
func (e *Expr) Labels() []string { return nil }

// And returns the filter that selects what all of the filters select.
func And(exprs ...*Expr) *Expr { return nil }

// Needs returns conditions that every selected event meets.
func (e *Expr) Needs() []Need { return nil }

// A Filter selects rows of batches. It is used by one goroutine at a time; Clone makes another one.
type Filter struct{}

// Compile turns an expression into a filter; a nil one selects everything.
func Compile(e *Expr) *Filter { return &Filter{} }

// Clone returns a filter of its own for another goroutine.
func (f *Filter) Clone() *Filter { return f }

// Select appends the numbers of the selected rows to dst, in order.
func (f *Filter) Select(b *event.Batch, dst []int32) []int32 { return dst }

// A Set is many filters that are evaluated together. It is used by one goroutine at a time; Clone makes another one.
type Set struct{}

// NewSet compiles filters together; nil ones select everything.
func NewSet(exprs []*Expr) *Set { return &Set{} }

// Clone returns a set of its own for another goroutine.
func (s *Set) Clone() *Set { return s }

// Select calls each for every filter that selects rows of the batch, with its place in the list given to NewSet and the
// rows in order. The rows are good until each returns.
func (s *Set) Select(b *event.Batch, each func(i int, rows []int32)) {}
