package worker

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
)

// shelf is programs, one of which is known at once and another takes some time to look at,
// and changes.
type shelf struct {
	takes   time.Duration
	version atomic.Value
	known   bool // the other one was looked at before
}

func (s *shelf) Look(ctx context.Context, _ func() bool, tell func(map[string]Build)) {
	found := map[string]Build{"ffmpeg": {Looking: true}, "ffprobe": {Version: "7.0"}}
	if !s.known {
		tell(maps.Clone(found))
	}
	select {
	case <-time.After(s.takes):
		found["ffmpeg"] = Build{Version: s.version.Load().(string)}
		tell(found)
		s.known = true
	case <-ctx.Done():
	}
}

// registry is a coordinator that asks for profiles that it does not know.
type registry struct {
	known map[string]bool
	never bool // it never knows any
}

// take answers a registration.
func (r *registry) take(request dffmpeg.RegisterRequest) []string {
	for id := range request.Profiles {
		r.known[id] = !r.never
	}
	var unknown []string
	for _, program := range request.Offer.Programs {
		if !r.known[program.Profile] && program.Profile != "" {
			unknown = append(unknown, program.Profile)
		}
	}
	return unknown
}

// TestInventory: profiles are sent when they are asked for, at once but once.
func TestInventory(t *testing.T) {
	profile := dffmpeg.Profile{dffmpeg.AbilityEncoder: {"libx264"}}
	id := profile.ID()
	i := newInventory()
	i.set(map[string]Build{"ffmpeg": {Version: "7.1", Profile: profile, Hardware: []string{"cuda"}}, "ffprobe": {Version: "7.1"}})
	r := &registry{known: make(map[string]bool)}
	var request dffmpeg.RegisterRequest
	register := func() bool {
		request = dffmpeg.RegisterRequest{Offer: dffmpeg.Offer{MaxJobs: 3}}
		i.announce(&request)
		return i.asked(r.take(request))
	}
	if again := register(); !again || len(request.Profiles) != 0 {
		t.Errorf("at first %d profiles are sent, and some more at once: %t", len(request.Profiles), again)
	}
	want := dffmpeg.Offer{MaxJobs: 3, Programs: map[string]dffmpeg.Program{"ffmpeg": {Version: "7.1", Profile: id, Hardware: []string{"cuda"}}, "ffprobe": {Version: "7.1"}}}
	if diff := cmp.Diff(want, request.Offer); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if again := register(); again || len(request.Profiles) != 1 || request.Profiles[id] == nil {
		t.Errorf("then %v are sent, and some more at once: %t", request.Profiles, again)
	}
	if again := register(); again || len(request.Profiles) != 0 {
		t.Errorf("at last %v are sent, and some more at once: %t", request.Profiles, again)
	}
	r.known, r.never = map[string]bool{}, true
	register()
	for range 2 {
		if again := register(); again || len(request.Profiles) != 1 {
			t.Errorf("to one who does not learn %v are sent, and some more at once: %t", request.Profiles, again)
		}
	}
}

// TestLooks: a worker announces itself when it has looked at its programs, or with what it
// knows when that takes too long, and again when it knows more and when they change.
func TestLooks(t *testing.T) {
	for name, takes := range map[string]time.Duration{"soon": time.Second, "late": 3 * firstLook} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				s := &shelf{takes: takes}
				s.version.Store("7.1")
				w := New(Settings{ID: "w", RegistrationInterval: time.Hour}, d, connector{&ear{}}, nowhere{}, s, nil, slog.New(slog.DiscardHandler))
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan struct{})
				begin := time.Now()
				go func() { w.looks(ctx); done <- struct{}{} }()
				go func() { w.registrations(ctx); done <- struct{}{} }()
				var said []string
				heard := func() {
					synctest.Wait()
					for len(said) < len(d.registrations()) {
						programs := d.registrations()[len(said)].Offer.Programs
						said = append(said, programs["ffmpeg"].Version)
						if programs["ffmpeg"].Looking {
							said[len(said)-1] = "looking"
						}
						if programs["ffprobe"].Version != "7.0" {
							t.Errorf("of a program that is known it said %+v", programs["ffprobe"])
						}
						<-w.answers
						synctest.Wait()
					}
				}
				time.Sleep(firstLook + time.Second)
				heard()
				time.Sleep(takes)
				heard()
				s.version.Store("7.2")
				time.Sleep(lookEvery + takes)
				heard()
				want := []string{"7.1", "7.2"}
				if takes > firstLook {
					want = slices.Insert(want, 0, "looking")
				}
				if !slices.Equal(said, want) {
					t.Errorf("within %s it said %q, want %q", time.Since(begin), said, want)
				}
				cancel()
				<-done
				<-done
			})
		})
	}
}

// TestRefusedPrograms: a worker whose programs the coordinator does not take is of use
// without, until there is something else to tell. Whatever else it refuses is none of their
// business.
func TestRefusedPrograms(t *testing.T) {
	for name, tt := range map[string]struct {
		place []any
		gives bool // whether the worker gives up telling it
	}{
		"a program": {[]any{"body", "offer", "programs", "ffmpeg", "version"}, true},
		"programs":  {[]any{"body", "offer", "programs"}, true},
		"a profile": {[]any{"body", "profiles", "abc"}, true},
		"a label":   {[]any{"body", "offer", "labels"}, false},
		"the offer": {[]any{"body", "offer"}, false},
		"the body":  {[]any{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := &desk{refuses: tt.place}
			w := New(Settings{ID: "w"}, d, connector{&ear{}}, nowhere{}, nothing{}, nil, slog.New(slog.DiscardHandler))
			w.inventory.set(map[string]Build{"ffmpeg": {Version: "7.1"}})
			register := func() error {
				err := w.register(t.Context())
				if err == nil {
					<-w.answers
				}
				return err
			}
			if err := register(); dffmpeg.CodeOf(err) != dffmpeg.CodeValidation {
				t.Errorf("the first registration: %v", err)
			}
			if again := len(w.again) == 1; again != tt.gives {
				t.Errorf("it tries again at once: %t, want %t", again, tt.gives)
			}
			if err := register(); (err == nil) != tt.gives {
				t.Errorf("the second registration: %v", err)
			}
			d.refuses = nil
			w.inventory.set(map[string]Build{"ffmpeg": {Version: "7.2"}})
			if err := register(); err != nil || d.got[len(d.got)-1].Offer.Programs["ffmpeg"].Version != "7.2" {
				t.Errorf("a new version is not told: %v, %+v", err, d.got)
			}
		})
	}
}

// TestOnlyWhatCoordinatorsTake is told of programs.
func TestOnlyWhatCoordinatorsTake(t *testing.T) {
	i := newInventory()
	builds := map[string]Build{strings.Repeat("x", dffmpeg.MaxNameLength+1): {Version: "7"}}
	for n := range dffmpeg.MaxLabels + 1 {
		builds["ffmpeg"+strconv.Itoa(n)] = Build{Version: "7"}
	}
	i.set(builds)
	var request dffmpeg.RegisterRequest
	i.announce(&request)
	if got := len(request.Offer.Programs); got != dffmpeg.MaxLabels {
		t.Errorf("%d programs are told of, want %d", got, dffmpeg.MaxLabels)
	}
	for name := range request.Offer.Programs {
		if !dffmpeg.Named(name) {
			t.Errorf("told of a program called %q", name)
		}
	}
}
