package httpapi

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"

	"tocsin/internal/alert"
)

// A schema is the part of JSON Schema (draft 2020-12) that the description of the API needs.
type schema struct {
	Ref         string             `json:"$ref,omitempty"`
	Type        string             `json:"type,omitempty"`
	Format      string             `json:"format,omitempty"`
	Description string             `json:"description,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Additional  *schema            `json:"additionalProperties,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
}

// schemas makes the schemas of Go types, each named structure once.
type schemas map[string]*schema

var rawType = reflect.TypeFor[json.RawMessage]()

// of returns the schema of a type as encoding/json writes it, or a reference to it.
func (all schemas) of(t reflect.Type) *schema {
	switch t {
	case timeType:
		return &schema{Type: "string", Format: "date-time"}
	case durationType:
		return &schema{Type: "integer", Format: "int64", Description: "nanoseconds; in a query also as 90s, 5m, 2h or 7d"}
	case reflect.TypeFor[[]byte]():
		return &schema{Type: "string", Format: "byte", Description: "base64"}
	case rawType, reflect.TypeFor[anything](), reflect.TypeFor[eventLine]():
		return &schema{Type: "object"}
	case reflect.TypeFor[netip.Addr]():
		return &schema{Type: "string", Description: "IP address"}
	case reflect.TypeFor[flowtraqCell]():
		return &schema{AnyOf: []*schema{{Type: "string"}, {Type: "array", Items: &schema{Type: "string"}}}}
	case reflect.TypeFor[alert.Severity]():
		return &schema{Type: "string", Enum: []string{"NONE", "INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"}}
	}
	switch t.Kind() {
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Uint32, reflect.Uint8:
		return &schema{Type: "integer", Format: "int64"}
	case reflect.Float64:
		return &schema{Type: "number"}
	case reflect.Slice:
		return &schema{Type: "array", Items: all.of(t.Elem())}
	case reflect.Map:
		return &schema{Type: "object", Additional: all.of(t.Elem())}
	case reflect.Pointer:
		return all.of(t.Elem())
	case reflect.Struct:
		return all.structure(t)
	default:
		return &schema{Type: "string"}
	}
}

// structure names the schema of a structure, so that it stands in the description once.
func (all schemas) structure(t reflect.Type) *schema {
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	if _, done := all[name]; !done {
		s := &schema{Type: "object", Properties: map[string]*schema{}}
		all[name] = s // before its fields, which may hold it
		all.fields(t, s)
	}
	return &schema{Ref: "#/components/schemas/" + name}
}

func (all schemas) fields(t reflect.Type, s *schema) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			all.fields(f.Type, s)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		s.Properties[name] = all.of(f.Type)
		if !strings.Contains(options, "omit") {
			s.Required = append(s.Required, name)
		}
	}
}
