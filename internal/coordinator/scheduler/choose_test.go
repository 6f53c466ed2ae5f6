package scheduler

import (
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// worker returns an online worker with ffmpeg and the given roots.
func worker(id string, seen int, paths ...string) dffmpeg.Worker {
	at := time.Unix(int64(seen), 0)
	return dffmpeg.Worker{ID: id, Status: dffmpeg.WorkerOnline, Binaries: []string{"ffmpeg"}, Paths: paths, LastSeen: &at}
}

func with(w dffmpeg.Worker, change func(*dffmpeg.Worker)) dffmpeg.Worker {
	change(&w)
	return w
}

func TestChoose(t *testing.T) {
	before := "b"
	segments := []dffmpeg.Argument{dffmpeg.Text("x")}
	takesSegments := func(w *dffmpeg.Worker) { w.Capabilities = []string{dffmpeg.FeatureSegments} }
	tests := []struct {
		name    string
		job     dffmpeg.Job
		workers []dffmpeg.Worker
		loads   map[string]int
		want    string
	}{
		{name: "nobody is there"},
		{
			name:    "least loaded",
			workers: []dffmpeg.Worker{worker("a", 1), worker("b", 1), worker("c", 1)},
			loads:   map[string]int{"a": 2, "b": 1, "c": 3},
			want:    "b",
		},
		{
			name:    "then most recently seen",
			workers: []dffmpeg.Worker{worker("a", 1), worker("b", 9), worker("c", 5)},
			want:    "b",
		},
		{
			name:    "then by ID",
			workers: []dffmpeg.Worker{worker("c", 1), worker("b", 1)},
			want:    "b",
		},
		{
			name:    "the one that had it is avoided",
			job:     dffmpeg.Job{WorkerID: &before},
			workers: []dffmpeg.Worker{worker("b", 9), worker("c", 1)},
			loads:   map[string]int{"c": 7},
			want:    "c",
		},
		{
			name:    "paths within arguments are for those that take them",
			job:     dffmpeg.Job{WorkerID: &before, Segments: segments},
			workers: []dffmpeg.Worker{worker("a", 9), with(worker("b", 1), takesSegments)},
			loads:   map[string]int{"b": 7},
			want:    "b",
		},
		{
			name:    "or for others when there are none",
			job:     dffmpeg.Job{Segments: segments},
			workers: []dffmpeg.Worker{worker("a", 9)},
			want:    "a",
		},
		{
			name:    "other jobs are for all",
			workers: []dffmpeg.Worker{worker("a", 9), with(worker("b", 1), takesSegments)},
			want:    "a",
		},
		{
			name:    "unless nobody else qualifies",
			job:     dffmpeg.Job{WorkerID: &before},
			workers: []dffmpeg.Worker{worker("b", 9), with(worker("c", 1), func(w *dffmpeg.Worker) { w.Binaries = nil })},
			want:    "b",
		},
		{
			name:    "every root is needed",
			job:     dffmpeg.Job{Paths: []string{"Media", "Cache"}},
			workers: []dffmpeg.Worker{worker("a", 9, "Media"), worker("b", 1, "Cache", "Media")},
			want:    "b",
		},
		{
			name: "a draining worker takes nothing",
			workers: []dffmpeg.Worker{
				with(worker("a", 1), func(w *dffmpeg.Worker) { w.Status = dffmpeg.WorkerDraining }),
				with(worker("b", 1), func(w *dffmpeg.Worker) { w.Status = dffmpeg.WorkerRegistering }),
				with(worker("c", 1), func(w *dffmpeg.Worker) { w.Status = dffmpeg.WorkerOffline }),
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.job.BinaryName = "ffmpeg"
			var got string
			if w := choose(&tt.job, tt.workers, tt.loads); w != nil {
				got = w.ID
			}
			if got != tt.want {
				t.Errorf("chose %q, want %q", got, tt.want)
			}
			why := Explain(&tt.job, tt.workers)
			if (why == "") != (tt.want != "") {
				t.Errorf("explained with %q although the choice was %q", why, got)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	job := dffmpeg.Job{BinaryName: "ffmpeg", Paths: []string{"Cache", "Media"}}
	tests := []struct {
		want    string
		workers []dffmpeg.Worker
	}{
		{want: "no worker is online"},
		{
			want:    "no online worker has the binary ffmpeg",
			workers: []dffmpeg.Worker{with(worker("a", 1), func(w *dffmpeg.Worker) { w.Binaries = []string{"ffprobe"} })},
		},
		{
			want:    "no online worker with ffmpeg has the path Cache",
			workers: []dffmpeg.Worker{worker("a", 1, "Media")},
		},
		{
			want:    "no online worker with ffmpeg has all of the paths Cache, Media",
			workers: []dffmpeg.Worker{worker("a", 1, "Media"), worker("b", 1, "Cache")},
		},
		{workers: []dffmpeg.Worker{worker("a", 1, "Media", "Cache")}},
	}
	for _, tt := range tests {
		if got := Explain(&job, tt.workers); got != tt.want {
			t.Errorf("Explain = %q, want %q", got, tt.want)
		}
	}
}
