package config

import (
	"io"

	"github.com/dffmpeg/dffmpeg/internal/config/strictyaml"
)

// Show writes the configuration that applies, defaults filled in, as YAML in a
// stable order. Secrets are shown as [redacted].
func (c *Coordinator) Show(w io.Writer) error { return writeRedacted(w, c) }

// Show writes the configuration that applies, defaults filled in, as YAML in a
// stable order. Secrets are shown as [redacted].
func (w *Worker) Show(to io.Writer) error { return writeRedacted(to, w) }

// Show writes the configuration that applies, defaults filled in, as YAML in a
// stable order. Secrets are shown as [redacted].
func (c *Client) Show(w io.Writer) error { return writeRedacted(w, c) }

// writeRedacted writes a configuration without its secrets.
func writeRedacted(w io.Writer, v any) error {
	_, err := w.Write(strictyaml.Encode(v, strictyaml.Redact))
	return err
}
