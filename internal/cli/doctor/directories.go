package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// directories looks at the directories of the paths, side by side, each for as long
// as limit at most. stat is os.Stat.
func directories(ctx context.Context, paths map[string]string, limit time.Duration, stat func(string) (fs.FileInfo, error)) []Finding {
	names := slices.Sorted(maps.Keys(paths))
	if len(names) == 0 {
		return []Finding{warning(checkPaths, "there are none: workers get the paths of this machine as they are typed",
			"name the directories that workers have as well, such as paths: {Media: /mnt/media}")}
	}
	findings := make([]Finding, len(names))
	var looks sync.WaitGroup
	for i, name := range names {
		looks.Go(func() { findings[i] = directory(ctx, name, paths[name], limit, stat) })
	}
	looks.Wait()
	bad := slices.DeleteFunc(findings, func(f Finding) bool { return f.Status == OK })
	if len(bad) > 0 {
		return bad
	}
	return []Finding{ok(checkPaths, "%s", strings.Join(names, ", "))}
}

// directory looks at one.
func directory(ctx context.Context, name, dir string, limit time.Duration, stat func(string) (fs.FileInfo, error)) Finding {
	type look struct {
		info fs.FileInfo
		err  error
	}
	seen, done := within(ctx, limit, func() look {
		info, err := stat(dir)
		return look{info, err}
	})
	switch {
	case !done:
		return warning(checkPaths, fmt.Sprintf("%s: %s does not answer", name, dir), "see whether what is mounted there is reachable; programs that use it hang, too")
	case seen.err != nil:
		return warning(checkPaths, fmt.Sprintf("%s: %v", name, seen.err), "mount or make it, or correct paths."+name)
	case !seen.info.IsDir():
		return warning(checkPaths, fmt.Sprintf("%s: %s is no directory", name, dir), "name the directory in paths."+name+": what lies below it is mapped")
	}
	return ok(checkPaths, "%s", name)
}
