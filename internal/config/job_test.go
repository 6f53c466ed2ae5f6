package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJob(t *testing.T) {
	const head = "client_id: c\nhmac_key: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=\n"
	twenty := 20
	for text, want := range map[string]*int{"": nil, "job: {priority: default}": nil, "job: {priority: 20, require: {gpu: new}, prefer: {site: a}}": &twenty} {
		cfg, err := LoadClient(write(t, "dffmpeg-client.yaml", head+text+"\n"), Environment{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, cfg.Job.Priority.Number()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
		if want != nil && (cfg.Job.Require["gpu"] != "new" || cfg.Job.Prefer["site"] != "a") {
			t.Errorf("%q: the labels are %+v", text, cfg.Job)
		}
	}
	for text, want := range map[string]string{
		"job: {priority: 101}": "expected a number from -100 to 100", "job: {priority: high}": "expected a number from -100 to 100",
		"job: {require: {\"a=b\": x}}": "a label has a name without", "job: {prefer: {a: \"x\\ny\"}}": "a label has a name without",
	} {
		if _, err := LoadClient(write(t, "dffmpeg-client.yaml", head+text+"\n"), Environment{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want …%s…", text, err, want)
		}
	}
}
