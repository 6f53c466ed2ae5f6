package dffmpeg

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestCodesAndStatuses(t *testing.T) {
	seen := make(map[int]Code)
	for _, code := range Codes() {
		status := code.Status()
		if other, taken := seen[status]; taken {
			t.Errorf("%s and %s share status %d", code, other, status)
		}
		seen[status] = code
		if got := CodeForStatus(status); got != code {
			t.Errorf("status %d of %s reads back as %s", status, code, got)
		}
	}
	for status, want := range map[int]Code{http.StatusBadGateway: CodeInternal, http.StatusTeapot: CodeInvalid} {
		if got := CodeForStatus(status); got != want {
			t.Errorf("CodeForStatus(%d) = %s, want %s", status, got, want)
		}
	}
}

func TestErrorKeepsItsCause(t *testing.T) {
	cause := errors.New("disk full")
	err := Errorf(CodeUnavailable, "try again").WithCause(cause)
	wrapped := fmt.Errorf("submit: %w", err)
	if !errors.Is(wrapped, cause) || CodeOf(wrapped) != CodeUnavailable {
		t.Errorf("cause or code is lost in %v", wrapped)
	}
	if strings.Contains(err.Detail, "disk") {
		t.Errorf("the detail %q gives the cause away", err.Detail)
	}
	if CodeOf(cause) != CodeInternal {
		t.Error("an error without a code is not internal")
	}
}
