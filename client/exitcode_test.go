package client_test

import (
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
)

func TestExitCode(t *testing.T) {
	tests := []struct {
		name   string
		status dffmpeg.JobStatus
		code   *int
		want   int
	}{
		{"completed", dffmpeg.JobCompleted, exit(0), 0},
		{"completed, code unknown", dffmpeg.JobCompleted, nil, 0},
		{"failed", dffmpeg.JobFailed, exit(187), 187},
		{"failed, no process ran", dffmpeg.JobFailed, nil, client.ExitFailed},
		{"failed, though the code says otherwise", dffmpeg.JobFailed, exit(0), client.ExitFailed},
		{"canceled", dffmpeg.JobCanceled, nil, client.ExitCanceled},
		{"canceled, whatever the process made of it", dffmpeg.JobCanceled, exit(255), client.ExitCanceled},
		{"a negative code, as a shell shows it", dffmpeg.JobFailed, exit(-2), 254},
		{"a code of Windows, of which a shell shows the last byte", dffmpeg.JobFailed, exit(0xC0000005), 5},
		{"a code of Windows whose last byte is 0", dffmpeg.JobFailed, exit(0xC0000100), client.ExitFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := client.ExitCode(dffmpeg.JobStatusChange{Status: tt.status, ExitCode: tt.code}); got != tt.want {
				t.Errorf("ExitCode() = %d, want %d", got, tt.want)
			}
		})
	}
}
