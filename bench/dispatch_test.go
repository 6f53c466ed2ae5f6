package bench

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/announce"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/profiles"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/scheduler"
	"github.com/dffmpeg/dffmpeg/store"
)

const (
	dispatchers = 100 // workers
	slots       = 4   // of each
	requesters  = 20
	settled     = 20 * time.Millisecond
)

// BenchmarkDispatch measures how long it takes until a job is given to a worker that
// has room for it, with the scheduler of a coordinator at work, while 0, ten thousand
// and a hundred thousand other jobs wait: by turns, so that whatever else the machine
// does slows all of them. Ratios say how many times as long it takes as with none.
//
// For "submit" those that wait need what no worker has, a worker has a free slot, and
// the time is from the submission of a job that fits to its assignment. For "slot" all
// workers are busy, and the time is from the end of a job to the assignment of the next
// in its place; with none waiting there is just that one.
func BenchmarkDispatch(b *testing.B) {
	for _, e := range engines() {
		b.Run(e.name+"/submit", func(b *testing.B) { benchDispatch(b, e.open, stuck) })
		b.Run(e.name+"/slot", func(b *testing.B) { benchDispatch(b, e.open, busy) })
	}
}

// kind is what the jobs are like that wait.
type kind int

const (
	stuck kind = iota // they need what nobody has
	busy              // they need a slot
)

func benchDispatch(b *testing.B, open openStore, waiting kind) {
	counts := []int{0, 10_000, 100_000}
	names := []string{"0", "10k", "100k"}
	all := make([]*dispatch, len(counts))
	for i, n := range counts {
		all[i] = newDispatch(b, open, waiting, n)
	}
	turn := func() {
		for _, d := range all {
			d.once(b, waiting)
		}
	}
	for range 20 { // warm
		turn()
	}
	for _, d := range all {
		d.took = nil
	}
	for b.Loop() {
		turn()
	}
	for i, d := range all {
		slices.Sort(d.took)
		for _, p := range []struct {
			name string
			of   float64
		}{{"p50", 0.5}, {"p99", 0.99}} {
			at := func(d *dispatch) time.Duration { return d.took[int(p.of*float64(len(d.took)-1))] }
			b.ReportMetric(float64(at(d).Microseconds())/1000, names[i]+"-"+p.name+"-ms")
			if i > 0 {
				b.ReportMetric(float64(at(d))/float64(at(all[0])), names[i]+"-"+p.name+"-ratio")
			}
		}
	}
	b.ReportMetric(0, "ns/op") // the sum of all says nothing
}

// dispatch is a coordinator's scheduler at work, and a way to see what it does.
type dispatch struct {
	state    store.State
	assigned chan dffmpeg.Job
	running  []dffmpeg.Job // in the hands of workers
	took     []time.Duration
}

// seeing is a store that tells of assignments.
type seeing struct {
	store.State
	assigned chan<- dffmpeg.Job
}

func (s seeing) Claim(ctx context.Context, seen dffmpeg.Job, workerID string) (store.Change, error) {
	change, err := s.State.Claim(ctx, seen, workerID)
	if err == nil && change.Outcome == store.Applied {
		s.assigned <- change.Job
	}
	return change, err
}

// silence takes mail to nobody.
type silence struct{}

func (silence) Notify(dffmpeg.Recipient, time.Time) {}

// newDispatch returns a cluster in which so many jobs wait.
func newDispatch(b *testing.B, open openStore, waiting kind, pending int) *dispatch {
	b.Helper()
	o := openEmpty(b, open)
	o.employ(b, slots)
	d := &dispatch{assigned: make(chan dffmpeg.Job, dispatchers*slots)}
	queue := &late{}
	d.state = announce.Wrap(seeing{profiles.Wrap(o.state), d.assigned}, silence{}, queue)
	s := scheduler.New(d.state, time.Hour, slog.New(slog.DiscardHandler))
	queue.set(s)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx) // ends with ctx's error
	}()
	b.Cleanup(func() {
		cancel()
		<-done
	})
	full := dispatchers * slots
	if waiting == stuck {
		full-- // one slot is free
	}
	for range full {
		d.submit(b)
		d.running = append(d.running, <-d.assigned)
	}
	if pending > 0 {
		o.wait(b, waiting, pending)
	}
	return d
}

// employ brings workers online that take so many jobs at a time.
func (o opened) employ(b *testing.B, slots int) {
	b.Helper()
	for i := range dispatchers {
		name := fmt.Sprintf("worker-%03d", i)
		if _, err := o.state.Register(b.Context(), store.Registration{Token: "t", Worker: dffmpeg.Worker{
			ID: name, Binaries: []string{"ffmpeg"}, RegistrationInterval: 15, Status: dffmpeg.WorkerOnline, Transport: "http_polling",
			Capabilities: []string{dffmpeg.FeatureAck, dffmpeg.FeatureAttempt, dffmpeg.FeatureLease}, Offer: dffmpeg.Offer{MaxJobs: slots, Weight: 1},
		}}); err != nil {
			b.Fatal(err)
		}
		if _, err := o.state.Verify(b.Context(), name, "t"); err != nil {
			b.Fatal(err)
		}
	}
}

func (d *dispatch) submit(b *testing.B) {
	b.Helper()
	if _, err := d.state.Submit(b.Context(), draft()); err != nil {
		b.Fatal(err)
	}
}

func draft() dffmpeg.Job {
	return dffmpeg.Job{RequesterID: "client", BinaryName: "ffmpeg", Arguments: []string{"-i", "$In/a.mkv", "$Out/a.mp4"}, HeartbeatInterval: 5, Transport: "http_polling"}
}

// wait fills in jobs that wait, of many requesters: copies of one that was submitted.
func (o opened) wait(b *testing.B, waiting kind, count int) {
	b.Helper()
	job := draft()
	if waiting == stuck {
		job.Demand.Require = map[string]string{"gpu": "new"}
	}
	change, err := o.state.Submit(b.Context(), job) // around the scheduler, which is not told
	if err != nil {
		b.Fatal(err)
	}
	conn, err := o.pool.Conn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	rows, err := conn.QueryContext(b.Context(), o.names.Rebind("SELECT * FROM dffmpeg_jobs WHERE job_id = '"+change.Job.ID+"'"))
	if err != nil {
		b.Fatal(err)
	}
	columns, err := rows.Columns()
	if err != nil {
		b.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		b.Fatal(err)
	}
	values := make([]string, len(columns))
	for i, c := range columns {
		switch c {
		case "job_id":
			values[i] = "CONCAT('01M80000000000', n + 100000000000)"
		case "requester_id":
			values[i] = fmt.Sprintf("CONCAT('client-', n %% %d)", requesters)
		case "queue":
			values[i] = fmt.Sprintf("CONCAT(queue, '-', n %% %d)", requesters)
		default:
			values[i] = c
		}
	}
	digits := "(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"
	numbers, number, factor := []string{}, []string{}, 1
	for i, name := range []string{"p", "q", "r", "s", "t"} {
		numbers = append(numbers, digits+" "+name)
		number = append(number, fmt.Sprintf("%s.d * %d", name, factor))
		if factor *= 10; factor == count {
			break
		}
		_ = i
	}
	o.execute(b, conn, fmt.Sprintf("INSERT INTO dffmpeg_jobs (%s) SELECT %s FROM dffmpeg_jobs, (SELECT %s AS n FROM %s) numbers WHERE job_id = '%s'",
		strings.Join(columns, ", "), strings.Join(values, ", "), strings.Join(number, " + "), strings.Join(numbers, ", "), change.Job.ID))
	o.execute(b, conn, o.settle...)
	var there int
	if err := conn.QueryRowContext(b.Context(), o.names.Rebind("SELECT COUNT(*) FROM dffmpeg_jobs WHERE status = 'pending'")).Scan(&there); err != nil || there != count+1 {
		b.Fatalf("%d jobs wait, want %d: %v", there, count+1, err)
	}
}

// once measures one assignment.
func (d *dispatch) once(b *testing.B, waiting kind) {
	b.Helper()
	oldest := d.running[0]
	by := store.By{WorkerID: oldest.Worker(), Attempt: oldest.Attempt}
	d.running = d.running[1:]
	end := func() {
		if _, err := d.state.Finish(b.Context(), oldest.ID, by, store.Result{Status: dffmpeg.JobCompleted}); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := d.state.Accept(b.Context(), oldest.ID, by); err != nil {
		b.Fatal(err)
	}
	if waiting == busy {
		// Of those that wait the first is given the slot; what is submitted now keeps
		// their number.
		d.submit(b)
	} else {
		end()
	}
	time.Sleep(settled) // what that woke has looked, and found nothing to do
	began := time.Now()
	if waiting == busy {
		end()
	} else {
		d.submit(b)
	}
	d.running = append(d.running, <-d.assigned)
	d.took = append(d.took, time.Since(began))
}

// late is a queue whose scheduler is made after it.
type late struct {
	mu sync.Mutex
	to announce.Queue
}

func (l *late) set(to announce.Queue) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = to
}

func (l *late) get() announce.Queue {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to
}

// Wake implements announce.Queue.
func (l *late) Wake() { l.get().Wake() }

// WakeAfter implements announce.Queue.
func (l *late) WakeAfter(pause time.Duration) { l.get().WakeAfter(pause) }
