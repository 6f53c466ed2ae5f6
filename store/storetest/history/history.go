// Package history gives a store a past, for tests and benchmarks which show that
// the cost of the present does not grow with it: jobs that ended long ago, their
// messages and their output. It also notes the queries of an engine and gives
// them arguments, so that a test can look at what each of them examines.
package history

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// Size says how long a history is.
type Size struct {
	// Jobs is how many jobs have ended, at most a million.
	Jobs int
	// Messages says whether each job has five messages to its requester and two
	// chunks of output, and Worker one acknowledged message about each job.
	Messages bool
}

const (
	// Worker is the ID of the worker that did all jobs.
	Worker = "worker-1"
	// requester submitted them.
	requester = "client-1"
	// jobPrefix and the job's number, of as many digits as maxDigits, are a job's
	// ID: of the year 2022.
	jobPrefix = "01GQ0000000000000000"
	// messagePrefix, the job's number and two digits are a message's.
	messagePrefix = "01GQ00000000000000"
	maxDigits     = 6
)

// began is when the first job was submitted; one came every second.
func began() int64 { return time.Date(2022, 12, 1, 0, 0, 0, 0, time.UTC).UnixMicro() }

// jobID returns the ID of a job by its number.
func jobID(number int) string { return fmt.Sprintf("%s%0*d", jobPrefix, maxDigits, number) }

// Execer executes statements: a pool, a connection or a transaction.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Fill adds a history to an empty store. Its statements are made for the
// database by rebind, which is a dialect's.
func Fill(ctx context.Context, db Execer, rebind func(query string) string, size Size) error {
	for _, statement := range statements(size) {
		if _, err := db.ExecContext(ctx, rebind(statement)); err != nil {
			return fmt.Errorf("fill a history: %w", err)
		}
	}
	return nil
}

// statements returns SQL that every engine understands. Sequences are made by
// joining digits: what engines have for that has other names on each.
func statements(size Size) []string {
	job := "CONCAT('" + jobPrefix + "', n.digits)"
	message := func(seq string) string { return "CONCAT('" + messagePrefix + "', n.digits, '0', " + seq + ")" }
	// Beyond 32 bits from the beginning, or some engines calculate with those.
	at := "(" + strconv.FormatInt(began()/1000, 10) + " + n.i * 1000) * 1000"
	list := []string{`INSERT INTO dffmpeg_jobs (job_id, requester_id, binary_name, arguments, paths, status, exit_code,
			worker_id, created_at, last_update, worker_last_seen, client_last_seen, heartbeat_interval, monitor, transport, transport_metadata,
			attempt, reason, idempotency_key, version, log_batch, stdout_bytes, stderr_bytes, log_bytes, msg_seq, last_message_id)
		SELECT ` + job + `, '` + requester + `', 'ffmpeg', '["-i","$In/a.mkv","$Out/a.mp4"]', '["In","Out"]',
			CASE n.i % 10 WHEN 8 THEN 'canceled' WHEN 9 THEN 'failed' ELSE 'completed' END, 0,
			'` + Worker + `', ` + at + `, ` + at + ` + 900000, ` + at + ` + 900000, ` + at + ` + 900000, 5, TRUE,
			CASE n.i % 2 WHEN 0 THEN 'http_polling' ELSE 'mqtt' END, '{}', 1, '',
			CASE n.i % 2 WHEN 0 THEN CONCAT('key-', n.digits) END, 4, 2, 4, 4, 8, 5, ` + message("5") + `
		FROM ` + numbers(size.Jobs) + ` ORDER BY n.i`}
	if !size.Messages {
		return list
	}
	// Half of the requesters never fetch nor acknowledge anything.
	later := "CASE n.i % 2 WHEN 1 THEN " + at + " + 950000 END"
	return append(list, `INSERT INTO dffmpeg_messages (mailbox, seq, message_id, recipient_id, sender_id, job_id, type, payload,
			created_at, sent_at, acked_at, transport)
		SELECT CONCAT('job/', `+job+`), s.seq, `+message("s.seq")+`, '`+requester+`', '`+Worker+`', `+job+`,
			CASE WHEN s.seq IN (3, 4) THEN 'job_logs' ELSE 'job_status' END,
			CASE WHEN s.seq IN (3, 4) THEN '' ELSE '{"status":"running"}' END,
			`+at+`, `+later+`, `+later+`, CASE n.i % 2 WHEN 0 THEN 'http_polling' END
		FROM `+numbers(size.Jobs)+` CROSS JOIN (SELECT 1 AS seq UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5) s
		UNION ALL SELECT 'worker/`+Worker+`', n.i + 1, `+message("0")+`, '`+Worker+`', '`+requester+`', `+job+`,
			'job_request', '{"job_id":""}', `+at+`, `+at+`, `+at+` + 100000, CASE WHEN n.i < 0 THEN '' END
		FROM `+numbers(size.Jobs)+` ORDER BY 1, 2`,
		`INSERT INTO dffmpeg_jobs_output (job_id, attempt, stream, start, message_id, size, created_at, data)
		SELECT `+job+`, 1, CASE s.seq WHEN 3 THEN 'stdout' ELSE 'stderr' END, 0, `+message("s.seq")+`, 4, `+at+`, 'past'
		FROM `+numbers(size.Jobs)+` CROSS JOIN (SELECT 3 AS seq UNION ALL SELECT 4) s
		ORDER BY n.i, s.seq`,
		// The worker's next message comes after those.
		`INSERT INTO dffmpeg_workers (worker_id, capabilities, binaries, paths, registration_interval, status, transport, transport_metadata,
			instance_id, revision, token, asked, msg_seq, last_message_id)
		VALUES ('`+Worker+`', '[]', '[]', '[]', 15, 'offline', 'mqtt', '{}', '', 1, '', '', `+
			strconv.Itoa(size.Jobs)+", '"+fmt.Sprintf("%s%0*d00", messagePrefix, maxDigits, size.Jobs-1)+"')")
}

// numbers returns a table n of the numbers below count: i, and its digits with
// leading zeros.
func numbers(count int) string {
	digit := "(SELECT 0 AS d UNION ALL SELECT " + strings.Join([]string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}, " UNION ALL SELECT ") + ")"
	sum, digits, from := "0", make([]string, maxDigits), make([]string, 0, maxDigits)
	for place, weight := maxDigits-1, 1; place >= 0; place, weight = place-1, weight*10 {
		if weight >= count {
			digits[place] = "'0'"
			continue
		}
		name := "d" + strconv.Itoa(place)
		digits[place] = name + ".d"
		sum += " + " + strconv.Itoa(weight) + " * " + name + ".d"
		from = append(from, digit+" "+name)
	}
	return "(SELECT " + sum + " AS i, CONCAT(" + strings.Join(digits, ", ") + ") AS digits FROM " + strings.Join(from, " CROSS JOIN ") +
		" WHERE " + sum + " < " + strconv.Itoa(count) + ") n"
}

// Jobs is the part of a store that gives it a present.
type Jobs interface {
	Register(ctx context.Context, registration store.Registration) (store.Registered, error)
	Verify(ctx context.Context, workerID, token string) (dffmpeg.Worker, error)
	Submit(ctx context.Context, job dffmpeg.Job) (store.Change, error)
	Claim(ctx context.Context, seen dffmpeg.Job, workerID string) (store.Change, error)
}

// Present adds what is there at any time: the worker, and jobs that are pending
// or in its hands.
func Present(ctx context.Context, state Jobs, jobs int) error {
	registration := store.Registration{Worker: dffmpeg.Worker{ID: Worker, Status: dffmpeg.WorkerOnline, Binaries: []string{"ffmpeg"}, Transport: "mqtt"}, Token: "token"}
	if _, err := state.Register(ctx, registration); err != nil {
		return err
	}
	if _, err := state.Verify(ctx, Worker, "token"); err != nil {
		return err
	}
	for i := range jobs {
		change, err := state.Submit(ctx, dffmpeg.Job{RequesterID: requester, BinaryName: "ffmpeg", Transport: "mqtt"})
		if err != nil {
			return err
		}
		if i%2 == 0 {
			continue
		}
		if _, err := state.Claim(ctx, change.Job, Worker); err != nil {
			return err
		}
	}
	return nil
}
