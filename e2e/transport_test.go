package e2e

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg/internal/testservices"
)

// brokerSettings returns the settings of a transport that all parties share.
func brokerSettings(t *testing.T, service, more string) string {
	t.Helper()
	b := testservices.Broker(t, service)
	return fmt.Sprintf("{host: %s, port: %d, username: %s, password: %s%s}", b.Host, b.Port, b.User, b.Password.Reveal(), more)
}

// sections returns sections of peers that know one transport.
func sections(name, settings string) transportSections {
	only := fmt.Sprintf("transports: {enabled_transports: [%s], transport_settings: {%s: %s}}", name, name, settings)
	both := strings.Replace(only, "["+name+"]", "["+name+", http_polling]", 1)
	return transportSections{coordinator: both, worker: only, client: only}
}

// TestEveryBroker: jobs by the drop-in,
// when worker and client know nothing but one broker; the drop-in becomes the
// binary that knows it.
func TestEveryBroker(t *testing.T) {
	own := rand.Text()
	for name, settings := range map[string]func() string{
		"mqtt": func() string { return brokerSettings(t, "MOSQUITTO", ", topic_prefix: e2e-"+own) },
		"rabbitmq": func() string {
			return brokerSettings(t, "RABBITMQ", ", workers_exchange: e2e-w-"+own+", jobs_exchange: e2e-j-"+own)
		},
		"nats": func() string { return brokerSettings(t, "NATS", ", stream: e2e-"+own+", subject_prefix: e2e-"+own) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClusterWith(t, "engine_defaults: {sqlite: {path: state.db}}", sections(name, settings()))
			_, media := c.startWorker("w1")
			makeClip(t, filepath.Join(media, "in.mkv"), 1)
			probe := []string{"-v", "error", "-show_format", filepath.Join(c.media(), "in.mkv")}
			p := c.proxy("ffprobe", probe...)
			if code := p.exitCode(); code != 0 || !strings.Contains(p.stdout.text(), "format_name=matroska") {
				t.Fatalf("ffprobe: exit code %d: %q %q", code, p.stdout.text(), p.stderr.text())
			}
			if job := c.onlyJob(); job.Transport != name {
				t.Errorf("the job's transport is %s", job.Transport)
			}
			p = c.proxy("ffmpeg", "-v", "error", "-i", filepath.Join(c.media(), "missing.mkv"), "-f", "null", "-")
			if code := p.exitCode(); code == 0 || !strings.Contains(p.stderr.text(), "No such file") {
				t.Errorf("ffmpeg on a missing file: exit code %d: %q", code, p.stderr.text())
			}
		})
	}
}
