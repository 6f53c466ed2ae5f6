package legacy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// How many bytes the narrowest engine has room for.
const (
	maxName      = 255
	maxBinary    = 1024
	maxTransport = 64
	maxDirectory = 1 << 20
)

// defaultHeartbeat is what 0.4 does unless told otherwise, in seconds.
const defaultHeartbeat = 5

// jobKey is the column that tells jobs apart.
const jobKey = "job_id"

// jobTable returns the table of jobs.
func (d *Database) jobTable(ctx context.Context) (*table, error) {
	return d.table(ctx, d.tables.Jobs,
		[]string{jobKey, "requester_id", "binary_name", "arguments", "status", "created_at"},
		[]string{
			"paths", "working_directory", "exit_code", "worker_id", "last_update", "worker_last_seen", "client_last_seen",
			"heartbeat_interval", "monitor", "callback_transport", "callback_transport_metadata",
		})
}

// jobStatus returns a row's status.
func jobStatus(r row) (dffmpeg.JobStatus, error) {
	status := dffmpeg.JobStatus(r["status"].String)
	if !status.Valid() {
		return "", fmt.Errorf("there is no status %q", r["status"].String)
	}
	return status, nil
}

// readJob reads the row of a job that ended. All that is wrong is reported.
func readJob(r row) (dffmpeg.Job, error) {
	var problems []error
	note := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	job := dffmpeg.Job{ID: r[jobKey].String, HeartbeatInterval: defaultHeartbeat, Version: 1}
	if !dffmpeg.ValidID(job.ID) {
		note(errors.New("job_id is no ID of a job"))
	}
	var err error
	job.Status, err = jobStatus(r)
	note(err)
	job.RequesterID, err = r.text("requester_id", maxName)
	note(err)
	job.BinaryName, err = r.text("binary_name", maxBinary)
	note(err)
	job.Arguments, err = r.texts("arguments")
	note(err)
	job.Paths, err = r.texts("paths")
	note(err)
	job.WorkingDirectory, err = r.optional("working_directory", maxDirectory)
	note(err)
	job.ExitCode, err = r.integer("exit_code")
	note(err)
	job.WorkerID, err = r.optional("worker_id", maxName)
	note(err)
	if job.WorkerID != nil {
		job.Attempt = 1 // 0.4 does not count them
	}
	interval, err := r.integer("heartbeat_interval")
	note(err)
	if interval != nil {
		job.HeartbeatInterval = *interval
	}
	job.Monitor, err = r.boolean("monitor")
	note(err)
	transport, err := r.optional("callback_transport", maxTransport)
	note(err)
	if transport != nil {
		job.Transport = *transport
	}
	job.TransportMetadata, err = r.object("callback_transport_metadata")
	note(err)
	note(readTimes(r, &job))
	return job, errors.Join(problems...)
}

// readTimes reads the times of a job.
func readTimes(r row, job *dffmpeg.Job) error {
	var problems []error
	get := func(column string) *time.Time {
		at, err := r.time(column)
		if err != nil {
			problems = append(problems, err)
		}
		return at
	}
	created, updated := get("created_at"), get("last_update")
	job.WorkerLastSeen, job.ClientLastSeen = get("worker_last_seen"), get("client_last_seen")
	if err := errors.Join(problems...); err != nil {
		return err
	}
	if created == nil {
		return errors.New("created_at is empty")
	}
	if updated == nil {
		updated = created
	}
	job.CreatedAt, job.LastUpdate = *created, *updated
	return nil
}
