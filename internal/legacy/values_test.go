package legacy

import (
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

func TestParseTime(t *testing.T) {
	noon := time.Date(2024, 3, 31, 2, 30, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2024-03-31T02:30:00+00:00":            noon,
		"2024-03-31T02:30:00.123456+00:00":     noon.Add(123456 * time.Microsecond),
		"2024-03-31T02:30:00Z":                 noon,
		"2024-03-31T04:30:00+02:00":            noon,
		"2024-03-31 02:30:00":                  noon,
		"2024-03-31 02:30:00.5":                noon.Add(500 * time.Millisecond),
		"2024-03-31T02:30:00":                  noon,
		"2024-03-31 02:30:00+00:00":            noon,
		"2024-03-31T02:30:00.1234567899+00:00": noon.Add(123456 * time.Microsecond),
	} {
		if got, err := parseTime(text); err != nil || got != want {
			t.Errorf("%s is %s, want %s (%v)", text, got, want, err)
		}
	}
	for _, text := range []string{
		"", "0000-00-00 00:00:00", "2024-02-30 00:00:00", "2024-03-31", "1711852200", "noon", "1969-12-31 23:59:59", "9999-12-31T23:59:59-01:00",
	} {
		if got, err := parseTime(text); err == nil {
			t.Errorf("%q is %s, want an error", text, got)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	for _, text := range []string{"2024-03-31T02:30:00.123456+00:00", "2024-03-31 02:30:00", "0000-00-00 00:00:00", "9999-12-31T23:59:59-01:00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := parseTime(text)
		if err != nil {
			return
		}
		if at.Location() != time.UTC || at.Nanosecond()%1000 != 0 || time.UnixMicro(at.UnixMicro()).UTC() != at {
			t.Errorf("%q is %s, which no engine keeps", text, at)
		}
		if again, err := parseTime(at.Format(time.RFC3339Nano)); err != nil || again != at {
			t.Errorf("%q is %s, and that is %s (%v)", text, at, again, err)
		}
	})
}

// FuzzReadJob: what is read of a row can be stored and shown, whatever the row
// has.
func FuzzReadJob(f *testing.F) {
	f.Add(firstJob, "completed", `["-i"]`, `{"path": "/x"}`, "2024-03-31 02:30:00", "3", "gpu1")
	f.Add(firstJob, "failed", `["\ud800"]`, `null`, "2024-03-31T02:30:00.1+00:00", "-9", "")
	f.Add("x", "done", `[null]`, `[]`, "", "x", "\xff")
	f.Fuzz(func(t *testing.T, id, status, list, object, at, number, name string) {
		job, err := readJob(row{
			"job_id": value(id), "status": value(status), "arguments": value(list), "paths": value(list),
			"callback_transport_metadata": value(object), "callback_transport": value(name),
			"created_at": value(at), "last_update": value(at), "worker_last_seen": value(at),
			"exit_code": value(number), "heartbeat_interval": value(number), "monitor": value(number),
			"requester_id": value("jellyfin"), "binary_name": value("ffmpeg"), "worker_id": value(name), "working_directory": value(name),
		})
		if err != nil || job.Status.Active() {
			return
		}
		if _, err := store.Restored([]dffmpeg.Job{job}); err != nil {
			t.Errorf("a job that was read cannot be stored: %v", err)
		}
		if text, err := json.Marshal(job.Public()); err != nil || !utf8.Valid(text) {
			t.Errorf("a job that was read cannot be shown: %v", err)
		}
	})
}
