package peer

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/secret"
)

func TestSession(t *testing.T) {
	k, text := key()
	g := newGate(t, "/video", map[string]httpauth.Key{"jellyfin": k, "listener": k})
	address := g.url(t)
	root := t.TempDir()
	cfg := load(t, fmt.Sprintf(`
client_id: jellyfin
hmac_key: %s
job_heartbeat_interval: 7
coordinator: {scheme: http, host: %s, port: %s, path_base: /video}
paths: {Media: %s}
transports:
  enabled_transports: [http_polling]
  transport_settings:
    http_polling: {client_id: listener}
`, text.Reveal(), address.Hostname(), address.Port(), root))
	p := &pigeon{}
	session, err := NewSession(cfg, registry(t, p.plugin("http_polling")), agent, discard())
	if err != nil {
		t.Fatal(err)
	}
	if got := g.seen(); len(got) != 0 {
		t.Errorf("making a session called: %q", got)
	}

	if _, err := session.Client.Jobs(t.Context(), time.Hour); err != nil {
		t.Error(err)
	}
	if err := session.Caller.Call(t.Context(), http.MethodGet, "/workers", nil, nil, nil); err != nil {
		t.Error(err)
	}
	if got, want := g.seen(), []string{"jellyfin GET /jobs " + agent, "jellyfin GET /workers " + agent}; !slices.Equal(got, want) {
		t.Errorf("the coordinator saw %q, want %q", got, want)
	}

	mapped, _, names, _ := session.Paths.MapCommand([]string{"-i", filepath.Join(root, "in.mkv")}, "")
	if !slices.Equal(mapped, []string{"-i", "$Media/in.mkv"}) || !slices.Equal(names, []string{"Media"}) {
		t.Errorf("arguments %q below %q", mapped, names)
	}
	if session.Heartbeat != 7 {
		t.Errorf("heartbeats every %d s, want 7", session.Heartbeat)
	}
}

// Messages are fetched as whom, and where, the transport's own settings say.
func TestSessionPollsAsConfigured(t *testing.T) {
	k, text := key()
	g := newGate(t, "", map[string]httpauth.Key{"listener": k})
	cfg := config.DefaultClient()
	cfg.ClientID, cfg.HMACKey = "jellyfin", text
	cfg.HTTPPolling.ClientID, cfg.HTTPPolling.CoordinatorURL = "listener", g.server.URL
	p := &pigeon{fail: errors.New("made")}
	session, err := NewSession(cfg, registry(t, p.plugin("http_polling")), agent, discard())
	if err != nil {
		t.Fatal(err)
	}
	job := dffmpeg.Job{Transport: "http_polling"}
	if _, err := session.Client.Attach(t.Context(), client.Attachment{Job: job}, nil); !errors.Is(err, p.fail) {
		t.Fatalf("Attach() = %v, want the transport's error", err)
	}
	response, err := p.made[0].Caller.Do(t.Context(), http.MethodGet, "/poll/jobs/1", nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if got, want := g.seen(), []string{"listener GET /poll/jobs/1 " + agent}; !slices.Equal(got, want) {
		t.Errorf("the coordinator saw %q, want %q", got, want)
	}
}

func TestSessionLeavesTheHeartbeatToTheCoordinator(t *testing.T) {
	_, text := key()
	cfg := config.DefaultClient()
	cfg.ClientID, cfg.HMACKey = "jellyfin", text
	session, err := NewSession(cfg, registry(t, (&pigeon{}).plugin("http_polling")), agent, discard())
	if err != nil {
		t.Fatal(err)
	}
	if session.Heartbeat != 0 {
		t.Errorf("heartbeats every %d s, want the coordinator's default, 0", session.Heartbeat)
	}
}

func TestSessionRefusesWhatCannotWork(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*config.Client)
		want  string
	}{
		{"key", func(c *config.Client) { c.HMACKey = secret.New("hunter2") }, "hmac_key of jellyfin: "},
		{"identity", func(c *config.Client) { c.ClientID = "" }, "client ID: empty"},
		{"polling key", func(c *config.Client) { c.HTTPPolling.HMACKey = secret.New("hunter2") }, "hmac_key of jellyfin: "},
		{"polling address", func(c *config.Client) { c.HTTPPolling.CoordinatorURL = "me:hunter2@coordinator" }, "coordinator_url of http_polling: "},
		{"transport", func(c *config.Client) { c.Transports.Enabled = []string{"owl"} }, `unknown transport "owl"`},
		{"path", func(c *config.Client) { c.Paths = map[string]string{"Media": "relative"} }, `path Media: "relative" must be an absolute path`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, text := key()
			cfg := config.DefaultClient()
			cfg.ClientID, cfg.HMACKey = "jellyfin", text
			tt.spoil(cfg)
			session, err := NewSession(cfg, registry(t, (&pigeon{}).plugin("http_polling")), agent, discard())
			if session != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("NewSession() = %v, %v; want an error that says %q", session, err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}
