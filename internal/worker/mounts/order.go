package mounts

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// ordered returns mounts such that each comes after what it depends on.
// Dependencies that are not listed are mounts as well.
func ordered(mounts []Mount) ([]Mount, error) {
	needs := make(map[string][]string)
	for _, m := range mounts {
		path := filepath.Clean(m.Path)
		needs[path] = append(needs[path], clean(m.Dependencies)...)
		for _, d := range clean(m.Dependencies) {
			if _, listed := needs[d]; !listed {
				needs[d] = nil
			}
		}
	}
	o := &order{needs: needs, state: make(map[string]int)}
	for _, path := range slices.Sorted(maps.Keys(needs)) {
		if err := o.visit(path, nil); err != nil {
			return nil, err
		}
	}
	return o.sorted, nil
}

func clean(paths []string) []string {
	cleaned := make([]string, 0, len(paths))
	for _, p := range paths {
		cleaned = append(cleaned, filepath.Clean(p))
	}
	return cleaned
}

// order is a depth-first search.
type order struct {
	needs  map[string][]string
	state  map[string]int // 1 while being visited, 2 when done
	sorted []Mount
}

func (o *order) visit(path string, trail []string) error {
	trail = append(trail, path)
	switch o.state[path] {
	case 1:
		return fmt.Errorf("mount_management: mounts depend on each other in a circle: %s", strings.Join(trail, " needs "))
	case 2:
		return nil
	}
	o.state[path] = 1
	for _, need := range o.needs[path] {
		if err := o.visit(need, trail); err != nil {
			return err
		}
	}
	o.state[path] = 2
	o.sorted = append(o.sorted, Mount{Path: path, Dependencies: o.needs[path]})
	return nil
}
