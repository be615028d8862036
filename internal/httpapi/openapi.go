package httpapi

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"tocsin/internal/permission"
)

// The parts of an OpenAPI 3.1 document that the API needs.
type (
	document struct {
		OpenAPI    string                          `json:"openapi"`
		Info       info                            `json:"info"`
		Security   []map[string][]string           `json:"security"`
		Paths      map[string]map[string]operation `json:"paths"`
		Components components                      `json:"components"`
	}
	info struct {
		Title       string `json:"title"`
		Version     string `json:"version"`
		Description string `json:"description"`
	}
	components struct {
		Schemas  schemas                   `json:"schemas"`
		Security map[string]securityScheme `json:"securitySchemes"`
	}
	securityScheme struct {
		Type   string `json:"type"`
		Scheme string `json:"scheme,omitempty"`
		In     string `json:"in,omitempty"`
		Name   string `json:"name,omitempty"`
	}
	operation struct {
		ID          string                  `json:"operationId"`
		Summary     string                  `json:"summary"`
		Description string                  `json:"description,omitempty"`
		Security    []map[string][]string   `json:"security,omitempty"`
		Parameters  []queryParameter        `json:"parameters,omitempty"`
		Body        *content                `json:"requestBody,omitempty"`
		Responses   map[string]describedFor `json:"responses"`
	}
	queryParameter struct {
		Name     string  `json:"name"`
		In       string  `json:"in"`
		Required bool    `json:"required,omitempty"`
		Schema   *schema `json:"schema"`
	}
	content struct {
		Content map[string]media `json:"content"`
	}
	describedFor struct {
		Description string           `json:"description"`
		Content     map[string]media `json:"content,omitempty"`
	}
	media struct {
		Schema *schema `json:"schema"`
	}
)

var problemType = reflect.TypeFor[Problem]()

// describe writes the OpenAPI document of a table of routes.
func describe(routes []route) ([]byte, error) {
	d := document{
		OpenAPI: "3.1.0",
		Info: info{Title: "tocsin", Version: "1", Description: "Takes facts in, judges them, alerts. Over the socket in the data directory its owner and root " +
			"are administrators; over TCP accounts and tokens are asked for. An answer that is a problem has the type application/problem+json (RFC 9457)."},
		Security:   []map[string][]string{{"basic": {}}, {"bearer": {}}, {"session": {}}},
		Paths:      map[string]map[string]operation{},
		Components: components{Schemas: schemas{}, Security: map[string]securityScheme{"basic": {Type: "http", Scheme: "basic"}, "bearer": {Type: "http", Scheme: "bearer"}, "session": {Type: "apiKey", In: "cookie", Name: cookieName}}},
	}
	problem := d.Components.Schemas.of(problemType)
	for _, r := range routes {
		path := strings.ReplaceAll(r.path, "{$}", "")
		if d.Paths[path] == nil {
			d.Paths[path] = map[string]operation{}
		}
		o := d.Components.Schemas.operation(r)
		o.Responses["default"] = describedFor{"a problem", map[string]media{"application/problem+json": {problem}}}
		d.Paths[path][strings.ToLower(r.method)] = o
	}
	return json.MarshalIndent(d, "", " ")
}

// operation describes one route.
func (all schemas) operation(r route) operation {
	o := operation{ID: strings.ToLower(r.method) + operationName.Replace(r.path), Summary: r.doc, Responses: map[string]describedFor{}}
	switch line, _ := permission.Of(r.op); line.Least {
	case permission.Anyone:
		o.Security = []map[string][]string{{}}
	case permission.Nearby:
		o.Security = []map[string][]string{{}, {"basic": {}}, {"bearer": {}}, {"session": {}}}
		o.Description = "From the same machine without a login."
	default:
		text := line.Describe()
		o.Description = strings.ToUpper(text[:1]) + text[1:] + "."
	}
	for _, part := range strings.Split(r.path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok && name != "$}" {
			o.Parameters = append(o.Parameters, queryParameter{strings.TrimSuffix(name, "}"), "path", true, &schema{Type: "string"}})
		}
	}
	query := r.query
	if r.method == "GET" {
		query = r.in
	}
	if query != nil {
		for _, p := range parameters(reflect.TypeOf(query)) {
			o.Parameters = append(o.Parameters, queryParameter{Name: p.name, In: "query", Schema: all.of(p.kind)})
		}
	}
	if r.path == "/api/v1/events" {
		o.Parameters = append(o.Parameters, queryParameter{Name: "Idempotency-Key", In: "header", Schema: &schema{Type: "string"}})
	}
	all.body(r, &o)
	all.responses(r, &o)
	return o
}

var operationName = strings.NewReplacer("/", "-", "{", "", "}", "", "$", "page", ".", "-")

func (all schemas) body(r route, o *operation) {
	switch {
	case r.body == form:
		o.Body = &content{map[string]media{r.body: {&schema{Type: "object"}}}}
	case r.body != "":
		o.Body = &content{map[string]media{r.body: {&schema{Type: "string", Format: "binary", Description: "may be compressed by gzip or zstd: Content-Encoding"}}}}
	case r.method != "GET" && r.in != nil && reflect.TypeOf(r.in).NumField() > 0:
		o.Body = &content{map[string]media{"application/json": {all.of(reflect.TypeOf(r.in))}}}
	}
}

func (all schemas) responses(r route, o *operation) {
	switch {
	case r.page && r.out == nil:
		o.Responses["303"] = describedFor{Description: "to the next page"}
	case r.out == nil:
		o.Responses["204"] = describedFor{Description: "done"}
	default:
		kind := r.media
		if kind == "" {
			kind = "application/json"
		}
		o.Responses[strconv.Itoa(200)] = describedFor{"the answer", map[string]media{kind: {all.of(reflect.TypeOf(r.out))}}}
		if r.path == "/readyz" {
			o.Responses["503"] = describedFor{"not ready", map[string]media{kind: {all.of(reflect.TypeOf(r.out))}}}
		}
	}
}
