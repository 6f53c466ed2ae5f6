package transition

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// Queue returns the name of the queue that a job waits in, "" for one that is not
// pending. It begins with the priority, so that names sort by it, the highest first,
// and ends with the requester; between them is a hash of all that a worker must meet.
func Queue(job *dffmpeg.Job) string {
	if job.Status != dffmpeg.JobPending {
		return ""
	}
	return fmt.Sprintf("%03d/%s/%s", dffmpeg.MaxPriority-job.Priority, demandHash(job), job.RequesterID)
}

// QueueUntil returns until when a pending job may wait, nil for any other and for one that
// may wait for ever.
func QueueUntil(job *dffmpeg.Job) *time.Time {
	if job.Status != dffmpeg.JobPending || job.QueueTimeout == 0 {
		return nil
	}
	return later(job.WaitsSince(), time.Duration(job.QueueTimeout)*time.Second)
}

// demandHash is the same for jobs that the same workers qualify for.
func demandHash(job *dffmpeg.Job) string {
	paths := slices.Clone(job.Paths)
	slices.Sort(paths)
	streams := job.Stdio != dffmpeg.StdioNone
	text, err := json.Marshal([]any{
		job.BinaryName, slices.Compact(paths), job.Demand, streams,
		streams && slices.ContainsFunc(job.Arguments, dffmpeg.NamesStandardStream),
	})
	if err != nil {
		panic("transition: a demand always encodes: " + err.Error())
	}
	hash := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(hash[:12])
}

// QueueOf returns the priority of the jobs in a queue, and whose they are.
func QueueOf(queue string) (priority int, requester string) {
	rank, rest, _ := strings.Cut(queue, "/")
	_, requester, _ = strings.Cut(rest, "/")
	number, err := strconv.Atoi(rank)
	if err != nil {
		return dffmpeg.MinPriority, requester // no queue that was made here
	}
	return dffmpeg.MaxPriority - number, requester
}
