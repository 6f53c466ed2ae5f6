package httppoll

import (
	"context"
	"log/slog"
	"strings"
	"testing"
)

// TestPanicBecomesAnError: it must end the stream, not the coordinator.
func TestPanicBecomesAnError(t *testing.T) {
	var log strings.Builder
	server := NewServer(ServerSettings{BasePath: "/poll"}, nil, slog.New(slog.NewTextHandler(&log, nil)))
	h := &held{connection: connection{server: server}}
	err := h.apart(func(context.Context) error { panic("broken") })
	if err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(log.String(), "TestPanicBecomesAnError") {
		t.Errorf("the log does not say where: %s", log.String())
	}
}
