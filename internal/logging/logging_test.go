package logging

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg/secret"
)

func TestFormatsAndLevels(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		logger := New(&out, slog.LevelWarn, format)
		logger.Info("not shown")
		logger.Warn("shown", "key", secret.New("hunter2"))
		if text := out.String(); strings.Count(text, "\n") != 1 || strings.Contains(text, "hunter2") || !strings.Contains(text, "[redacted]") {
			t.Errorf("%s: %q", format, text)
		}
		if json.Valid(out.Bytes()) != (format == "json") {
			t.Errorf("%s: %q", format, out.String())
		}
	}
}
