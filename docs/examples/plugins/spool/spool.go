// Package spool is a transport through a directory that coordinator and peers
// share: each recipient has a directory in it, each message is a file there.
// It shows what a transport that pushes needs.
package spool

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// Name is what peers negotiate.
const Name = "spool"

// lookEvery is how often a peer looks for files.
const lookEvery = 10 * time.Millisecond

// Settings are those of either end.
type Settings struct {
	Dir string `yaml:"dir,required,file"` // the directory that all share
}

// Plugin returns the transport, both ends.
func Plugin() transport.Plugin {
	settings := func() any { return &Settings{Dir: "/var/spool/dffmpeg"} }
	return transport.Plugin{
		Name: Name, ServerSettings: settings, ClientSettings: settings,
		NewServer: func(o transport.ServerOptions) (transport.Server, error) {
			s := Settings{Dir: "/var/spool/dffmpeg"}
			return &server{settings: &s}, o.Settings.Decode(&s)
		},
		NewClient: func(o transport.ClientOptions) (transport.Client, error) {
			s := Settings{Dir: "/var/spool/dffmpeg"}
			if err := o.Settings.Decode(&s); err != nil {
				return nil, err
			}
			box, _ := o.Subscription.Metadata["box"].(string)
			if box == "" || box != filepath.Base(box) {
				return nil, errors.New("the coordinator did not say which box to read")
			}
			return &client{dir: filepath.Join(s.Dir, box), logger: o.Logger}, nil
		},
		Reach: reach,
	}
}

// reach looks whether the directory is there, and can be read, for dffmpeg doctor.
func reach(ctx context.Context, settings transport.Decoder) error {
	s := Settings{Dir: "/var/spool/dffmpeg"}
	if err := settings.Decode(&s); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := os.ReadDir(s.Dir)
	return err
}

// server is the coordinator's end.
type server struct{ settings *Settings }

var _ transport.Pusher = (*server)(nil)

func (s *server) Name() string { return Name }

// Address names a recipient's box. Anybody may choose the name of a client: it
// must not lead elsewhere.
func (s *server) Address(to dffmpeg.Recipient) transport.Metadata {
	name := []string{string(to.Kind), hex.EncodeToString([]byte(to.ID)), hex.EncodeToString([]byte(to.JobID))}
	return transport.Metadata{"box": strings.Join(name, "-")}
}

func (s *server) Health(context.Context) (string, error) {
	if _, err := os.Stat(s.settings.Dir); err != nil {
		return "", err
	}
	return "Spooling to " + s.settings.Dir, nil
}

// Run has nothing to do.
func (s *server) Run(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// Publish writes a file for each message, under the name that sorts as its ID:
// again, if it is published again.
func (s *server) Publish(ctx context.Context, _ dffmpeg.Recipient, where transport.Metadata, messages []dffmpeg.Message) error {
	box, _ := where["box"].(string)
	dir := filepath.Join(s.settings.Dir, filepath.Base(box))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for i := range messages {
		text, err := transport.Encode(&messages[i])
		if err != nil {
			return err
		}
		path := filepath.Join(dir, messages[i].ID)
		if err := os.WriteFile(path+".new", text, 0o600); err != nil {
			return err
		}
		if err := os.Rename(path+".new", path); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// client is a peer's end.
type client struct {
	dir    string
	logger *slog.Logger
}

// Listen handles the files in order, and removes each when it was handled.
func (c *client) Listen(ctx context.Context, handle func(context.Context, []dffmpeg.Message) error) error {
	for {
		if err := c.look(ctx, handle); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookEvery):
		}
	}
}

func (c *client) look(ctx context.Context, handle func(context.Context, []dffmpeg.Message) error) error {
	files, err := os.ReadDir(c.dir) // sorted
	if err != nil {
		return nil // there has been no message yet, or the disk is away
	}
	for _, file := range files {
		if strings.HasSuffix(file.Name(), ".new") {
			continue
		}
		path := filepath.Join(c.dir, file.Name())
		text, err := os.ReadFile(path)
		if err != nil {
			continue // another one who listens was faster
		}
		message, err := transport.Decode(text)
		if err != nil {
			c.logger.Warn("a message is malformed", "file", path, "error", err)
		} else if err := handle(ctx, []dffmpeg.Message{message}); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("a message that was handled: %w", err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}
