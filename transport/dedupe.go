package transport

// remembered bounds how many messages a Deduper knows; what is delivered again
// after a lost connection is far less.
const remembered = 4096

// Deduper recognises messages that were delivered before. It remembers IDs
// rather than the last one, because a 0.4 coordinator's IDs do not ascend
// within a millisecond. It is not safe for concurrent use.
type Deduper struct {
	seen map[string]bool
	ring []string
	next int
}

// NewDeduper returns a Deduper that has seen nothing.
func NewDeduper() *Deduper { return &Deduper{seen: make(map[string]bool)} }

// Seen reports whether a message was seen before, and remembers it.
func (d *Deduper) Seen(id string) bool {
	if d.seen[id] {
		return true
	}
	d.seen[id] = true
	if len(d.ring) < remembered {
		d.ring = append(d.ring, id)
		return false
	}
	delete(d.seen, d.ring[d.next])
	d.ring[d.next] = id
	d.next = (d.next + 1) % remembered
	return false
}
