package httpdocs_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg/internal/httpdocs"
)

// mounted is the handler as the coordinator mounts it.
func mounted() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/docs/", http.StripPrefix("/docs/", httpdocs.Handler("dffmpeg API", "/openapi.json")))
	return mux
}

// ask sends one request; headers are name and value, alternating.
func ask(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, request)
	return answer
}

func TestPageNamesTheDocument(t *testing.T) {
	t.Parallel()
	answer := ask(mounted(), http.MethodGet, "/docs/")
	if answer.Code != http.StatusOK {
		t.Fatalf("status %d, want 200", answer.Code)
	}
	if got, want := answer.Header().Get("Content-Type"), "text/html; charset=utf-8"; got != want {
		t.Errorf("Content-Type %q, want %q", got, want)
	}
	for _, want := range []string{"<title>dffmpeg API</title>", `data-spec="/openapi.json"`} {
		if !strings.Contains(answer.Body.String(), want) {
			t.Errorf("the page lacks %s:\n%s", want, answer.Body)
		}
	}
}

func TestPageAnswersWithEitherPrefixStripped(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"/docs", "/docs/"} {
		h := http.StripPrefix(prefix, httpdocs.Handler("API", "spec"))
		for _, path := range []string{"/docs/", "/docs/start.js"} {
			if answer := ask(h, http.MethodGet, path); answer.Code != http.StatusOK {
				t.Errorf("%s without %s: status %d, want 200", path, prefix, answer.Code)
			}
		}
	}
}

func TestPageEscapesItsArguments(t *testing.T) {
	t.Parallel()
	h := httpdocs.Handler("<script>1</script>", `"><script>2</script>`)
	page := ask(h, http.MethodGet, "/").Body.String()
	if strings.Contains(page, "<script>") {
		t.Errorf("an argument became markup:\n%s", page)
	}
}

// TestPageObeysItsPolicy would notice inline script, which the policy refuses, and
// anything from another host.
func TestPageObeysItsPolicy(t *testing.T) {
	t.Parallel()
	h := mounted()
	answer := ask(h, http.MethodGet, "/docs/")
	const policy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'"
	if got := answer.Header().Get("Content-Security-Policy"); got != policy {
		t.Errorf("Content-Security-Policy %q, want %q", got, policy)
	}
	page := answer.Body.String()
	if inline := regexp.MustCompile(`<script[^>]*>[^<]|\son[a-z]+=`).FindString(page); inline != "" {
		t.Errorf("inline script: %s", inline)
	}
	references := regexp.MustCompile(`<(?:script|link)[^>]*?(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(references) != 4 {
		t.Fatalf("the page refers to %d files, want 4:\n%s", len(references), page)
	}
	for _, reference := range references {
		if strings.HasPrefix(reference[1], "data:") {
			continue
		}
		if answer := ask(h, http.MethodGet, "/docs/"+reference[1]); answer.Code != http.StatusOK {
			t.Errorf("%s: status %d, want 200", reference[1], answer.Code)
		}
	}
}

func TestAssetsAreSentCompressedWhenAccepted(t *testing.T) {
	t.Parallel()
	h := mounted()
	for path, content := range map[string]struct{ contentType, part string }{
		"/docs/swagger-ui-bundle.js": {"text/javascript; charset=utf-8", "SwaggerUIBundle"},
		"/docs/swagger-ui.css":       {"text/css; charset=utf-8", ".swagger-ui"},
	} {
		packed := ask(h, http.MethodGet, path, "Accept-Encoding", "deflate, gzip;q=0.5")
		if got := packed.Header().Get("Content-Encoding"); got != "gzip" {
			t.Fatalf("%s: Content-Encoding %q, want gzip", path, got)
		}
		reader, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		unpacked, err := io.ReadAll(reader)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}

		plain := ask(h, http.MethodGet, path)
		if got := plain.Header().Get("Content-Encoding"); got != "" {
			t.Errorf("%s: Content-Encoding %q without Accept-Encoding", path, got)
		}
		if !bytes.Equal(unpacked, plain.Body.Bytes()) {
			t.Errorf("%s: the encodings have different content", path)
		}
		if !strings.Contains(plain.Body.String(), content.part) {
			t.Errorf("%s: lacks %q", path, content.part)
		}
		for _, answer := range []*httptest.ResponseRecorder{packed, plain} {
			if got := answer.Header().Get("Content-Type"); got != content.contentType {
				t.Errorf("%s: Content-Type %q, want %q", path, got, content.contentType)
			}
			if got := answer.Header().Get("Vary"); got != "Accept-Encoding" {
				t.Errorf("%s: Vary %q, want Accept-Encoding", path, got)
			}
		}
		if packed.Header().Get("ETag") == plain.Header().Get("ETag") {
			t.Errorf("%s: both encodings have the tag %s", path, plain.Header().Get("ETag"))
		}
	}
}

func TestAcceptEncoding(t *testing.T) {
	t.Parallel()
	h := mounted()
	for accept, want := range map[string]string{
		"gzip":                 "gzip",
		"br, GZIP":             "gzip",
		"x-gzip":               "gzip",
		"*":                    "gzip",
		"gzip;q=0.001":         "gzip",
		"gzip ; q=1, *;q=0":    "gzip",
		"":                     "",
		"br":                   "",
		"gzip;q=0":             "",
		"gzip; Q=0.000":        "",
		"*;q=0":                "",
		"*, gzip;q=0":          "",
		"identity, gzippy;q=1": "",
	} {
		answer := ask(h, http.MethodHead, "/docs/swagger-ui.css", "Accept-Encoding", accept)
		if got := answer.Header().Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q: Content-Encoding %q, want %q", accept, got, want)
		}
	}
}

func TestUnchangedAssetIsNotSentAgain(t *testing.T) {
	t.Parallel()
	h := mounted()
	for _, path := range []string{"/docs/", "/docs/start.js", "/docs/swagger-ui.css"} {
		tag := ask(h, http.MethodGet, path).Header().Get("ETag")
		again := ask(h, http.MethodGet, path, "If-None-Match", tag)
		if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("%s with If-None-Match %s: status %d and %d bytes, want 304 and none", path, tag, again.Code, again.Body.Len())
		}
	}
}

func TestLicencesAreServed(t *testing.T) {
	t.Parallel()
	h := mounted()
	for path, part := range map[string]string{
		"/docs/LICENSE":                          "Apache License",
		"/docs/NOTICE":                           "SmartBear",
		"/docs/swagger-ui-bundle.js.LICENSE.txt": "License",
	} {
		if answer := ask(h, http.MethodGet, path); !strings.Contains(answer.Body.String(), part) {
			t.Errorf("%s: status %d and no %q", path, answer.Code, part)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	h := mounted()
	for _, path := range []string{"/docs/VENDOR.txt", "/docs/start.js/", "/docs/page.html", "/docs/swagger-ui.css.gz"} {
		if answer := ask(h, http.MethodGet, path); answer.Code != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, answer.Code)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		answer := ask(h, method, "/docs/")
		if answer.Code != http.StatusMethodNotAllowed || answer.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: status %d, Allow %q; want 405 and GET, HEAD", method, answer.Code, answer.Header().Get("Allow"))
		}
	}
}
