package profiles

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

// counting is a store that counts how often profiles are read and written.
type counting struct {
	store.State
	reads, writes int
	fail          error
}

func (c *counting) Profile(ctx context.Context, id string) (dffmpeg.Profile, error) {
	c.reads++
	if c.fail != nil {
		return nil, c.fail
	}
	return c.State.Profile(ctx, id)
}

func (c *counting) SaveProfile(ctx context.Context, profile dffmpeg.Profile) error {
	c.writes++
	return c.State.SaveProfile(ctx, profile)
}

// with returns a state with a worker whose ffmpeg has a profile.
func with(t *testing.T, profile dffmpeg.Profile) (*profiled, *counting) {
	t.Helper()
	c := &counting{State: memory.New(time.Now, dffmpeg.NewIDSource())}
	_, err := c.Register(t.Context(), store.Registration{Token: "x", Worker: dffmpeg.Worker{
		ID: "w", Status: dffmpeg.WorkerOnline, Binaries: []string{"ffmpeg", "ffprobe"}, RegistrationInterval: 15,
		Offer: dffmpeg.Offer{Programs: map[string]dffmpeg.Program{"ffmpeg": {Version: "7", Profile: profile.ID()}, "ffprobe": {Version: "7"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return Wrap(c).(*profiled), c
}

func TestWorkersHaveTheirProfiles(t *testing.T) {
	profile := dffmpeg.Profile{dffmpeg.AbilityEncoder: {"libx264"}}
	state, under := with(t, profile)
	now := time.Now()
	state.now = func() time.Time { return now }
	lacks := func(need string) []string {
		t.Helper()
		workers, err := state.ListWorkers(t.Context(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		one, err := state.Worker(t.Context(), "w")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(workers, []dffmpeg.Worker{one}); diff != "" {
			t.Errorf("Worker and ListWorkers differ: %s", diff)
		}
		return one.Lacks(&dffmpeg.Job{BinaryName: "ffmpeg", Demand: dffmpeg.Demand{Needs: []string{need}}}).Abilities
	}
	if got := lacks("encoder:libx264"); len(got) != 1 {
		t.Error("a worker whose profile has not come is given what it may fail at")
	}
	if under.reads != 1 {
		t.Errorf("it is looked for %d times at once, want once", under.reads)
	}
	// Another coordinator is given it.
	if err := under.State.SaveProfile(t.Context(), profile); err != nil {
		t.Fatal(err)
	}
	now = now.Add(forgotten)
	for range 3 {
		if got := lacks("encoder:libx264"); len(got) != 0 {
			t.Errorf("it lacks %q", got)
		}
		if got := lacks("encoder:libx265"); len(got) != 1 {
			t.Error("it has an encoder that its profile does not have")
		}
	}
	if under.reads != 2 {
		t.Errorf("it was read %d times, want once in vain and once more", under.reads)
	}
	if got := lacks("decoder:h264"); len(got) != 0 {
		t.Errorf("it lacks %q although nothing is known of decoders", got)
	}
}

func TestSavingKeeps(t *testing.T) {
	profile := dffmpeg.Profile{dffmpeg.AbilityEncoder: {"libx264"}}
	state, under := with(t, profile)
	if _, err := state.Worker(t.Context(), "w"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := state.SaveProfile(t.Context(), profile); err != nil {
			t.Fatal(err)
		}
	}
	worker, err := state.Worker(t.Context(), "w")
	if diff := cmp.Diff(map[string]dffmpeg.Profile{"ffmpeg": profile}, worker.Profiles); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if under.reads != 1 || under.writes != 2 {
		t.Errorf("%d reads and %d writes, want one and both", under.reads, under.writes)
	}
}

// TestRemovedIsMissed: one that the store has removed has to be brought again.
func TestRemovedIsMissed(t *testing.T) {
	profile := dffmpeg.Profile{dffmpeg.AbilityEncoder: {"libx264"}}
	state, under := with(t, profile)
	now := time.Now()
	state.now = func() time.Time { return now }
	if err := state.SaveProfile(t.Context(), profile); err != nil {
		t.Fatal(err)
	}
	under.fail = dffmpeg.Errorf(dffmpeg.CodeNotFound, "removed")
	now = now.Add(trusted - time.Second)
	if _, err := state.Profile(t.Context(), profile.ID()); err != nil {
		t.Errorf("for a while it is taken to be there: %v", err)
	}
	now = now.Add(time.Second)
	for range 2 {
		if _, err := state.Profile(t.Context(), profile.ID()); dffmpeg.CodeOf(err) != dffmpeg.CodeNotFound {
			t.Errorf("then it is missed, got %v", err)
		}
	}
	if err := state.SaveProfile(t.Context(), profile); err != nil {
		t.Fatal(err)
	}
	if _, err := state.Profile(t.Context(), profile.ID()); err != nil {
		t.Errorf("until it is brought again: %v", err)
	}
}

func TestFailureIsTold(t *testing.T) {
	state, under := with(t, dffmpeg.Profile{})
	under.fail = errors.New("away")
	if _, err := state.ListWorkers(t.Context(), 0); !errors.Is(err, under.fail) {
		t.Errorf("ListWorkers: %v", err)
	}
	if _, err := state.Worker(t.Context(), "w"); !errors.Is(err, under.fail) {
		t.Errorf("Worker: %v", err)
	}
}

func TestNumberKeptIsBounded(t *testing.T) {
	state, _ := with(t, dffmpeg.Profile{})
	for i := range most + 10 {
		if err := state.SaveProfile(t.Context(), dffmpeg.Profile{dffmpeg.AbilityFilter: {strconv.Itoa(i)}}); err != nil {
			t.Fatal(err)
		}
		if _, err := state.Profile(t.Context(), strconv.Itoa(i)); dffmpeg.CodeOf(err) != dffmpeg.CodeNotFound {
			t.Fatal(err)
		}
	}
	if len(state.known) != most || len(state.missed) != most {
		t.Errorf("%d and %d are kept, want %d", len(state.known), len(state.missed), most)
	}
}
