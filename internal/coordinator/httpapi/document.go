package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/httpdocs"
	"github.com/dffmpeg/dffmpeg/transport"
)

// document mounts the OpenAPI document and the page to browse it.
func (a *api) document(router *router, endpoints []endpoint) error {
	body, err := json.Marshal(a.openAPI(endpoints))
	if err != nil {
		return fmt.Errorf("OpenAPI document: %w", err)
	}
	document := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body) // a reader that is gone misses nothing
	})
	page := httpdocs.Handler("dffmpeg coordinator", "/openapi.json")
	return errors.Join(
		router.handle(http.MethodGet, "/openapi.json", document),
		router.handle(http.MethodGet, "/docs", http.RedirectHandler("/docs/", http.StatusTemporaryRedirect)),
		router.handle(http.MethodGet, "/docs/", http.StripPrefix("/docs", page)),
	)
}

// openAPI describes every endpoint.
func (a *api) openAPI(endpoints []endpoint) *huma.OpenAPI {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "dffmpeg coordinator", Version: a.Settings.Version,
			Description: "Wire protocol, version 1. Requests are signed with the headers X-Dffmpeg-Client-Id, X-Dffmpeg-Timestamp and X-Dffmpeg-Signature.",
		},
		Components: &huma.Components{
			Schemas: a.schemas.registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"hmac": {Type: "apiKey", In: "header", Name: "X-Dffmpeg-Signature"},
			},
		},
	}
	for _, e := range endpoints {
		doc.AddOperation(a.operation(e))
	}
	for _, server := range a.Transports.Servers() {
		if puller, ok := server.(transport.Puller); ok {
			for _, route := range puller.Routes() {
				doc.AddOperation(a.operation(described(route)))
			}
		}
	}
	return doc
}

// described makes an endpoint of a transport's route, for the document.
func described(route transport.Route) endpoint {
	return endpoint{
		method: route.Method, path: route.Pattern, summary: route.Summary, access: anyIdentity(),
		out: reflect.TypeFor[dffmpeg.MessagesAnswer](), status: http.StatusOK,
	}
}

// pathParameters returns the {names} in a path.
func pathParameters(path string) []string {
	var names []string
	for _, match := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
		names = append(names, match[1])
	}
	return names
}

// operation describes one endpoint.
func (a *api) operation(e endpoint) *huma.Operation {
	op := &huma.Operation{
		Method: e.method, Path: e.path, Summary: e.summary,
		OperationID: operationID(e.method, e.path),
		Responses:   map[string]*huma.Response{strconv.Itoa(e.status): a.response(e)},
	}
	for _, name := range pathParameters(e.path) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
	}
	for _, p := range e.query {
		op.Parameters = append(op.Parameters, &huma.Param{Name: p.name, In: "query", Description: p.about, Schema: &huma.Schema{Type: p.kind}})
	}
	if e.in != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: a.schemas.of(e.in)}}}
	}
	errors := &huma.Response{
		Description: "What is wrong",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: a.schemas.of(reflect.TypeFor[dffmpeg.ErrorAnswer]())},
		},
	}
	op.Responses["default"] = errors
	if !e.access.open {
		op.Security = []map[string][]string{{"hmac": {}}}
		roles := make([]string, 0, len(e.access.roles))
		for _, role := range e.access.roles {
			roles = append(roles, string(role))
		}
		op.Description = "For the roles: " + strings.Join(roles, ", ") + "."
	}
	return op
}

func (a *api) response(e endpoint) *huma.Response {
	response := &huma.Response{Description: http.StatusText(e.status)}
	if e.out != nil {
		response.Content = map[string]*huma.MediaType{"application/json": {Schema: a.schemas.of(e.out)}}
	}
	return response
}

func operationID(method, path string) string {
	words := strings.FieldsFunc(strings.ToLower(method)+path, func(r rune) bool { return r == '/' || r == '{' || r == '}' })
	return strings.Join(words, "-")
}
