package programs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg/internal/worker"
)

// entry is what was found, and when.
type entry struct {
	Build worker.Build `json:"build"`
	// Since is when it was found first, and Checked when last.
	Since   time.Time `json:"since"`
	Checked time.Time `json:"checked"`
	// Doubt is that of the last look, and Doubtful how many in a row left some.
	Doubt    doubt `json:"doubt,omitempty"`
	Doubtful int   `json:"doubtful,omitempty"`
}

// Bounds of how long findings are trusted.
const (
	leastTrust = time.Minute
	mostTrust  = 24 * time.Hour
	mostPause  = time.Hour // those that leave doubts
)

// pause returns how long to wait after so many looks in a row that settled nothing.
func pause(times int) time.Duration {
	return min(leastTrust<<min(max(times, 1)-1, 10), mostPause) // doubled ten times is more
}

// due reports whether to look again. What jobs were in the way of is looked at once they
// have ended.
func (e *entry) due(now time.Time, busy bool) bool {
	trust := min(max(e.Checked.Sub(e.Since), leastTrust), mostTrust)
	switch {
	case e.Doubt == certain && busy:
		return false
	case e.Doubt == whileBusy && !busy:
		trust = leastTrust
	case e.Doubt != certain:
		trust = pause(e.Doubtful)
	}
	return !now.Before(e.Checked.Add(trust))
}

// confirmed returns the entry after one more look, which found this.
func (e *entry) confirmed(build worker.Build, about doubt, now time.Time) entry {
	since, doubtful := e.Since, 0
	if since.IsZero() || since.After(now) || !reflect.DeepEqual(e.Build, build) {
		since = now
	}
	if about != certain {
		doubtful = e.Doubtful + 1
	}
	return entry{Build: build, Since: since, Checked: now, Doubt: about, Doubtful: doubtful}
}

// cache keeps entries in memory and, if it has a directory, on disk, each in a file
// that is named after its key.
type cache struct {
	dir  string
	kept map[string]entry
}

// suffix ends the names of files.
const suffix = ".json"

// get returns an entry. A file that cannot be read, or not understood, is none.
func (c *cache) get(key string) (entry, bool) {
	if e, is := c.kept[key]; is {
		return e, true
	}
	if c.dir == "" {
		return entry{}, false
	}
	text, err := os.ReadFile(filepath.Join(c.dir, key+suffix))
	if err != nil {
		return entry{}, false
	}
	var e entry
	if json.Unmarshal(text, &e) != nil || e.Build.Version == "" || e.Build.Version != printable(e.Build.Version) || e.Build.Profile.Problem() != "" {
		return entry{}, false
	}
	c.kept[key] = e
	return e, true
}

// put keeps an entry; in memory it is kept even when an error is returned.
func (c *cache) put(key string, e entry) error {
	c.kept[key] = e
	if c.dir == "" {
		return nil
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return fmt.Errorf("directory for what was found: %w", err)
	}
	c.tidy(e.Checked)
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write down what was found: %w", err)
	}
	// At once: another worker may be reading.
	file, err := os.CreateTemp(c.dir, "new-")
	if err != nil {
		return fmt.Errorf("write down what was found: %w", err)
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(c.dir, key+suffix))
	}
	if err != nil {
		_ = os.Remove(file.Name()) // its error is the lesser one
		return fmt.Errorf("write down what was found: %w", err)
	}
	return nil
}

// forgotten is how old files are whose program, or machine, is not there any more.
const forgotten = 90 * 24 * time.Hour

// tidy removes files that nothing has confirmed for long.
func (c *cache) tidy(now time.Time) {
	files, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	for _, file := range files {
		ours := strings.HasSuffix(file.Name(), suffix) || strings.HasPrefix(file.Name(), "new-")
		if info, err := file.Info(); err == nil && ours && info.Mode().IsRegular() && now.Sub(info.ModTime()) > forgotten {
			if err := os.Remove(filepath.Join(c.dir, file.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return
			}
		}
	}
}
