package httpdocs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// asset is one file of the page, held compressed when it is large.
type asset struct {
	contentType string
	data        []byte
	gzipped     bool
	tag         string // of data, without the quotes of an entity tag
}

func plain(contentType string, data []byte) asset {
	return asset{contentType: contentType, data: data, tag: fingerprint(data)}
}

func compressed(contentType string, data []byte) asset {
	return asset{contentType: contentType, data: data, gzipped: true, tag: fingerprint(data)}
}

func fingerprint(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// serve answers with the asset, in the encoding that the request accepts.
// Browsers keep it and ask each time whether it changed, which an upgrade does.
func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	data, tag := a.data, a.tag
	if a.gzipped {
		header.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Values("Accept-Encoding")) {
			// The encodings differ byte for byte, so their tags must differ too
			// (RFC 9110, section 8.8.3.3).
			tag += "-gzip"
			header.Set("Content-Encoding", "gzip")
		} else {
			inflated, err := inflate(a.data)
			if err != nil {
				http.Error(w, "this build's documentation page is damaged: "+err.Error(), http.StatusInternalServerError)
				return
			}
			data = inflated
		}
	}
	header.Set("Content-Type", a.contentType)
	header.Set("Cache-Control", "no-cache")
	header.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

func inflate(data []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decompressing an embedded file: %w", err)
	}
	inflated, err := io.ReadAll(reader)
	if err != nil {
		return nil, fmt.Errorf("decompressing an embedded file: %w", err)
	}
	return inflated, nil
}

// acceptsGzip tells whether Accept-Encoding headers allow gzip (RFC 9110, section
// 12.5.3): by its name or "*", a name counting more, unless the weight is zero.
func acceptsGzip(headers []string) bool {
	var wildcard bool
	for coding := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, parameters, _ := strings.Cut(coding, ";")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			return !zeroWeight(parameters)
		case "*":
			wildcard = !zeroWeight(parameters)
		}
	}
	return wildcard
}

func zeroWeight(parameters string) bool {
	name, value, _ := strings.Cut(strings.TrimSpace(parameters), "=")
	if !strings.EqualFold(strings.TrimSpace(name), "q") {
		return false
	}
	weight, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return err == nil && weight == 0
}
