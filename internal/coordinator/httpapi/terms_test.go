package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
)

// newQueue returns a cluster with defaults for the queue.
func newQueue(t *testing.T) *cluster {
	return newCluster(t, func(d *Deps) {
		d.Settings.Queue = QueueSettings{
			DetachedAttempts: 3, Backoff: 10 * time.Second, LostAfter: 5 * time.Minute, Timeout: time.Hour,
			LegacyMaxJobs: 2, LegacyMaxLightJobs: 7, QueryWorker: holder,
		}
	})
}

func (c *cluster) submit(identity string, change func(*dffmpeg.SubmitRequest)) dffmpeg.Job {
	c.tb.Helper()
	request := submission()
	request.Arguments = strings.Fields("-i a -c:v hevc_nvenc out.mkv")
	change(&request)
	return decode[dffmpeg.Job](c.tb, c.want(http.StatusOK, identity, http.MethodPost, "/jobs/submit", request))
}

func TestTerms(t *testing.T) {
	c := newQueue(t)
	detached := dffmpeg.RetryPolicy{MaxAttempts: 3, Backoff: 10, On: []string{"lost"}, LostAfter: 300}
	inferred := dffmpeg.Demand{Needs: []string{"encoder:hevc_nvenc"}, Uses: map[string]int{"nvenc": 1}}
	for name, tt := range map[string]struct {
		identity string
		terms    dffmpeg.JobTerms
		monitor  bool
		want     dffmpeg.Job
	}{
		"detached":  {want: dffmpeg.Job{Demand: inferred, Retry: detached, QueueTimeout: 3600}},
		"monitored": {monitor: true, want: dffmpeg.Job{Demand: inferred}},
		"everything": {
			identity: administer, monitor: true,
			terms: dffmpeg.JobTerms{
				Priority: new(50), Require: map[string]string{"gpu": "new"}, Prefer: map[string]string{"site": ""},
				Needs: []string{"filter:libplacebo"}, Lift: []string{"encoder:hevc_nvenc"}, Uses: map[string]int{"nvenc": 0, "licence": 2},
				MaxAttempts: 2, RetryOn: []string{"failed", "lost"}, Backoff: new(0), QueueTimeout: 5,
			},
			want: dffmpeg.Job{
				Priority: 50, Prefer: map[string]string{"site": ""}, QueueTimeout: 5,
				Demand: dffmpeg.Demand{
					Needs: []string{"filter:libplacebo"}, Uses: map[string]int{"licence": 2}, Claims: []string{"licence"}, Require: map[string]string{"gpu": "new"},
				},
				Retry: dffmpeg.RetryPolicy{MaxAttempts: 2, On: []string{"failed", "lost"}, LostAfter: 300, Asked: true},
			},
		},
		"monitored, with what is tried again": {
			monitor: true, terms: dffmpeg.JobTerms{RetryOn: []string{"failed"}},
			want: dffmpeg.Job{Demand: inferred, Retry: dffmpeg.RetryPolicy{MaxAttempts: 3, Backoff: 10, On: []string{"failed"}, LostAfter: 300, Asked: true}},
		},
		"monitored, with when it is tried again": {
			monitor: true, terms: dffmpeg.JobTerms{Backoff: new(0)},
			want: dffmpeg.Job{Demand: inferred, Retry: dffmpeg.RetryPolicy{MaxAttempts: 3, On: []string{"lost"}, LostAfter: 300, Asked: true}},
		},
		"once, whatever happens": {
			monitor: true, terms: dffmpeg.JobTerms{MaxAttempts: 1, RetryOn: []string{"failed"}, Backoff: new(0)}, want: dffmpeg.Job{Demand: inferred},
		},
		"once": {terms: dffmpeg.JobTerms{MaxAttempts: 1, Priority: new(-100)}, want: dffmpeg.Job{Priority: -100, Demand: inferred, QueueTimeout: 3600}},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.identity == "" {
				tt.identity = requester
			}
			got := c.submit(tt.identity, func(r *dffmpeg.SubmitRequest) { r.Terms, r.Monitor = tt.terms, tt.monitor })
			got = dffmpeg.Job{Priority: got.Priority, Demand: got.Demand, Prefer: got.Prefer, Retry: got.Retry, QueueTimeout: got.QueueTimeout}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	query := c.submit(requester, func(r *dffmpeg.SubmitRequest) { r.Arguments = []string{"-encoders"} })
	if diff := cmp.Diff(dffmpeg.Demand{Light: true, Worker: holder}, query.Demand); diff != "" {
		t.Errorf("a question about the program is for one worker (-want +got):\n%s", diff)
	}
	health := decode[dffmpeg.HealthAnswer](t, c.want(http.StatusOK, nobody, http.MethodGet, "/health", nil))
	if health.QueryWorker != holder {
		t.Errorf("health says that questions are for %q, want %s", health.QueryWorker, holder)
	}
}

// TestAttemptsOfThoseWhoAskForMore: the coordinator's default for jobs that nobody waits
// for counts, unless that is one.
func TestAttemptsOfThoseWhoAskForMore(t *testing.T) {
	for _, tt := range []struct{ setting, asked, want int }{{setting: 5, want: 5}, {setting: 1, want: 3}, {setting: 5, asked: 2, want: 2}, {setting: 5, asked: 1}} {
		c := newCluster(t, func(d *Deps) { d.Settings.Queue.DetachedAttempts = tt.setting })
		job := c.submit(requester, func(r *dffmpeg.SubmitRequest) {
			r.Monitor, r.Terms = false, dffmpeg.JobTerms{MaxAttempts: tt.asked, RetryOn: []string{"failed"}}
		})
		if job.Retry.MaxAttempts != tt.want || job.Retry.Asked != (tt.want > 0) {
			t.Errorf("with %+v the policy is %+v", tt, job.Retry)
		}
	}
}

// TestPriorities: an admin says which priority a client's jobs have, and may have.
func TestPriorities(t *testing.T) {
	c := newQueue(t)
	grant := func(p dffmpeg.Priorities) {
		c.want(http.StatusOK, administer, http.MethodPut, "/admin/users/"+requester+"/priorities", dffmpeg.PrioritiesRequest{Priorities: p})
	}
	for _, tt := range []struct {
		granted dffmpeg.Priorities
		asked   *int
		want    int
		refused bool
	}{
		{asked: new(0)},
		{asked: new(1), refused: true},
		{granted: dffmpeg.Priorities{Default: new(20)}, want: 20},
		{granted: dffmpeg.Priorities{Default: new(20)}, asked: new(0)},
		{granted: dffmpeg.Priorities{Default: new(20)}, asked: new(21), refused: true},
		{granted: dffmpeg.Priorities{Ceiling: new(30)}},
		{granted: dffmpeg.Priorities{Ceiling: new(30)}, asked: new(30), want: 30},
		{granted: dffmpeg.Priorities{Ceiling: new(-50)}, want: -50},
		{granted: dffmpeg.Priorities{Ceiling: new(-50)}, asked: new(-49), refused: true},
	} {
		grant(tt.granted)
		request := submission()
		request.Terms.Priority = tt.asked
		if tt.refused {
			a := c.want(http.StatusUnprocessableEntity, requester, http.MethodPost, "/jobs/submit", request)
			if !strings.Contains(string(a.body), "dffmpeg admin user set-priorities "+requester) {
				t.Errorf("the refusal is %s", a.body)
			}
			continue
		}
		if got := c.submit(requester, func(r *dffmpeg.SubmitRequest) { r.Terms = request.Terms }); got.Priority != tt.want {
			t.Errorf("with %+v the priority is %d, want %d", tt.granted, got.Priority, tt.want)
		}
	}
	for status, wrong := range map[int]dffmpeg.Priorities{http.StatusUnprocessableEntity: {Default: new(101)}, http.StatusBadRequest: {Default: new(1), Ceiling: new(0)}} {
		c.want(status, administer, http.MethodPut, "/admin/users/"+requester+"/priorities", dffmpeg.PrioritiesRequest{Priorities: wrong})
	}
}

func TestTermsAreChecked(t *testing.T) {
	c := newQueue(t)
	for where, terms := range map[string]dffmpeg.JobTerms{
		"priority":  {Priority: new(1)},
		"require":   {Require: map[string]string{"": "x"}},
		"prefer":    {Prefer: map[string]string{"x": "a\nb"}},
		"needs":     {Needs: []string{"codec:x"}},
		"lift":      {Lift: []string{"encoder"}},
		"uses":      {Uses: map[string]int{"x": -1}},
		"retry_on":  {RetryOn: []string{"always"}},
		"max_attem": {MaxAttempts: 21},
	} {
		request := submission()
		request.Terms = terms
		a := c.want(http.StatusUnprocessableEntity, requester, http.MethodPost, "/jobs/submit", request)
		if !strings.Contains(string(a.body), `"terms","`+where) {
			t.Errorf("the answer to wrong %s is %s", where, a.body)
		}
	}
}

// TestPauseAndStanding: a paused worker is shown as such, and so is why jobs wait for it
// and where they stand.
func TestPauseAndStanding(t *testing.T) {
	c := newQueue(t)
	c.online(holder)
	worker := decode[dffmpeg.Worker](t, c.want(http.StatusOK, administer, http.MethodPost, "/workers/"+holder+"/pause", dffmpeg.PauseRequest{Reason: "new card"}))
	if worker.Pause == nil || worker.Pause.By != administer || worker.Pause.Reason != "new card" {
		t.Errorf("the pause is %+v", worker.Pause)
	}
	c.want(http.StatusNotFound, administer, http.MethodPost, "/workers/nobody/pause", dffmpeg.PauseRequest{})
	c.want(http.StatusNotFound, administer, http.MethodPost, "/workers/nobody/resume", nil)
	plain := func(r *dffmpeg.SubmitRequest) { r.Arguments = []string{"-i", "a", "b"} }
	first, second := c.submit(requester, plain), c.submit(requester, plain)
	urgent := c.submit(administer, func(r *dffmpeg.SubmitRequest) { plain(r); r.Terms.Priority = new(1) })
	other := c.submit(otherClient, plain)
	show := func(identity, id string) dffmpeg.Job {
		return decode[dffmpeg.Job](t, c.want(http.StatusOK, identity, http.MethodGet, "/jobs/"+id+"/status", nil))
	}
	for _, tt := range []struct {
		identity string
		job      dffmpeg.Job
		want     int
	}{{administer, urgent, 1}, {requester, first, 2}, {otherClient, other, 3}, {requester, second, 4}} {
		job := show(tt.identity, tt.job.ID)
		if job.Position != tt.want || job.Reason != "every worker that could run it is paused" {
			t.Errorf("job of %s is at %d (%s), want %d", tt.identity, job.Position, job.Reason, tt.want)
		}
	}
	listed := decode[[]dffmpeg.Job](t, c.want(http.StatusOK, requester, http.MethodGet, "/jobs", nil))
	if len(listed) != 2 || listed[0].Position != 4 || listed[1].Position != 2 {
		t.Errorf("the list is %+v", listed)
	}

	if worker = decode[dffmpeg.Worker](t, c.want(http.StatusOK, administer, http.MethodPost, "/workers/"+holder+"/resume", nil)); worker.Pause != nil {
		t.Errorf("the pause is %+v after the end", worker.Pause)
	}
	for _, job := range []dffmpeg.Job{urgent, first} {
		_, err := c.deps.State.Claim(t.Context(), job, holder)
		must(t, err)
	}
	if job := show(requester, second.ID); job.Reason != "all 2 slots busy on worker "+holder || job.Position != 2 {
		t.Errorf("the job is at %d: %s", job.Position, job.Reason)
	}
}

// TestOffers: what a worker offers is stored as it says, profiles are asked for once,
// and a worker that says nothing gets the coordinator's limits.
func TestOffers(t *testing.T) {
	c := newQueue(t)
	c.online(holder)
	show := func() dffmpeg.Offer {
		return decode[dffmpeg.Worker](t, c.want(http.StatusOK, requester, http.MethodGet, "/workers/"+holder, nil)).Offer
	}
	if diff := cmp.Diff(dffmpeg.Offer{MaxJobs: 2, MaxLightJobs: 7}, show()); diff != "" {
		t.Errorf("an old worker's limits (-want +got):\n%s", diff)
	}
	profile := dffmpeg.Profile{dffmpeg.AbilityEncoder: {"libx264"}}
	request := registration(holder)
	request.Capabilities = []string{dffmpeg.FeatureLease}
	request.Offer = dffmpeg.Offer{
		Labels: map[string]string{"gpu": "new"}, Resources: map[string]int{"nvenc": 3}, Weight: 2, MaxPerBinary: map[string]int{"ffmpeg": 1},
		Programs: map[string]dffmpeg.Program{"ffmpeg": {Version: "7.1", Profile: profile.ID()}, "ffprobe": {Looking: true}},
	}
	register := func() dffmpeg.RegisterAnswer {
		return decode[dffmpeg.RegisterAnswer](t, c.want(http.StatusOK, holder, http.MethodPost, "/worker/register", request))
	}
	if diff := cmp.Diff([]string{profile.ID()}, register().Unknown); diff != "" {
		t.Errorf("profiles that are asked for (-want +got):\n%s", diff)
	}
	request.Profiles = map[string]dffmpeg.Profile{profile.ID(): profile}
	if unknown := register().Unknown; unknown != nil {
		t.Errorf("asked for %q once more", unknown)
	}
	request.Profiles = nil
	if unknown := register().Unknown; unknown != nil {
		t.Errorf("asked for %q once more", unknown)
	}
	if diff := cmp.Diff(request.Offer, show()); diff != "" {
		t.Errorf("the offer (-want +got):\n%s", diff)
	}
	for name, change := range map[string]func(*dffmpeg.RegisterRequest){
		"a label":    func(r *dffmpeg.RegisterRequest) { r.Offer = dffmpeg.Offer{Labels: map[string]string{"a\n": ""}} },
		"a resource": func(r *dffmpeg.RegisterRequest) { r.Offer = dffmpeg.Offer{Resources: map[string]int{"a": -1}} },
		"a program": func(r *dffmpeg.RegisterRequest) {
			r.Offer.Programs = map[string]dffmpeg.Program{"a": {Version: "\x00"}}
		},
		"a limit":           func(r *dffmpeg.RegisterRequest) { r.Offer = dffmpeg.Offer{MaxJobs: -1} },
		"another's profile": func(r *dffmpeg.RegisterRequest) { r.Profiles = map[string]dffmpeg.Profile{"x": profile} },
		"an unsorted one": func(r *dffmpeg.RegisterRequest) {
			r.Profiles = map[string]dffmpeg.Profile{"x": {dffmpeg.AbilityEncoder: {"b", "a"}}}
		},
		"an unknown ability": func(r *dffmpeg.RegisterRequest) { r.Profiles = map[string]dffmpeg.Profile{"x": {"codec": {"a"}}} },
		"one that is not offered": func(r *dffmpeg.RegisterRequest) {
			other := dffmpeg.Profile{dffmpeg.AbilityEncoder: {"other"}}
			r.Profiles = map[string]dffmpeg.Profile{other.ID(): other}
		},
	} {
		wrong := request
		change(&wrong)
		if a := c.do(holder, http.MethodPost, "/worker/register", wrong); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d: %s", name, a.status, a.body)
		}
	}
}

// TestNeedsAreBounded: of what a command names only so much is looked at.
func TestNeedsAreBounded(t *testing.T) {
	c := newCluster(t)
	var filters []string
	for i := range 10_000 {
		filters = append(filters, fmt.Sprint("f", i))
	}
	request := submission()
	request.Arguments = []string{"-i", "$Media/a.mkv", "-vf", strings.Join(append(filters, strings.Repeat("x", 1000)), ","), "$Media/b.mkv"}
	request.Terms.Needs = []string{"encoder:mine"}
	needs := decode[dffmpeg.SubmitAnswer](t, c.want(http.StatusOK, requester, http.MethodPost, "/jobs/submit", request)).Demand.Needs
	if len(needs) != maxNeeds+1 || !slices.Contains(needs, "encoder:mine") {
		t.Errorf("the job has %d needs, among them %.3q", len(needs), needs)
	}
	request.Arguments[3] = strings.Repeat("x", 1000)
	if needs := decode[dffmpeg.SubmitAnswer](t, c.want(http.StatusOK, requester, http.MethodPost, "/jobs/submit", request)).Demand.Needs; len(needs) != 1 {
		t.Errorf("a name that none has is not looked at; needs are %.3q", needs)
	}
}
