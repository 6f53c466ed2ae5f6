package httppoll_test

import (
	"encoding/json"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recordedLine is what a 0.4 coordinator sent to a worker.
const recordedLine = `{"messages": [{"message_id": "01M82NVN9NXKKDYQ5BFF7FTPZK", "sender_id": null, "recipient_id": "b1", "job_id": null, "timestamp": "2026-11-22T22:26:05.237462Z", "sent_at": null, "message_type": "verify_registration", "payload": {"registration_token": "lTBA3jdtFtm0ivPi09ly4vaFfY7ypV3ri4gqJVJYePM"}}]}`

func TestLineHasTheRecordedMembers(t *testing.T) {
	members := func(line string) []string {
		var answer struct {
			Messages []map[string]any `json:"messages"`
		}
		if err := json.Unmarshal([]byte(line), &answer); err != nil || len(answer.Messages) != 1 {
			t.Fatalf("line %q: %v", line, err)
		}
		return slices.Sorted(maps.Keys(answer.Messages[0]))
	}
	inBubble(t, func(w *world) {
		w.add("token")
		line, _ := w.stream("/poll/worker").next()
		if diff := cmp.Diff(members(recordedLine), members(line)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestLinksLittle keeps the small proxy small: it links this package.
func TestLinksLittle(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dependency := range strings.FieldsSeq(string(out)) {
		if dependency == "database/sql" || dependency == "testing" {
			t.Errorf("%s is linked", dependency)
		}
		for _, heavy := range []string{"huma", "yaml", "sqlite", "cobra"} {
			if strings.Contains(dependency, heavy) {
				t.Errorf("%s is linked", dependency)
			}
		}
	}
}
