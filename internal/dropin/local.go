package dropin

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/dffmpeg/dffmpeg/internal/config"
)

// Local finds the program on this machine that runs instead of a worker's: what the
// settings name, else the first in PATH that is not the drop-in under the program's
// name. The error says where to name one. A program that the settings name must be
// there, and be another one: the drop-in would start itself for ever.
func Local(binary string, settings config.Fallback) (string, error) {
	ours, err := own()
	if err != nil {
		return "", err
	}
	if path := settings.Binaries[binary]; path != "" {
		if _, err := exec.LookPath(path); err != nil {
			return "", fmt.Errorf("fallback.binaries.%s of the client's configuration: %w", binary, err)
		}
		if ours.have(path) {
			return "", fmt.Errorf("fallback.binaries.%s of the client's configuration: %s is the drop-in itself", binary, path)
		}
		return path, nil
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path, err := exec.LookPath(filepath.Join(dir, binary))
		if err == nil && filepath.IsAbs(path) && !ours.have(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no other %s in PATH; name it in fallback.binaries of the client's configuration", binary)
}

// InPath returns what PATH has for a program's name, and whether that is the drop-in.
func InPath(binary string) (path string, dropIn bool, err error) {
	if path, err = exec.LookPath(binary); err != nil {
		return "", false, err
	}
	ours, err := own()
	return path, err == nil && ours.have(path), err
}

// files are the drop-in's own.
type files []os.FileInfo

// own returns the files of this program, and of the one beside it that is called
// Name.
func own() (files, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	list := files{info}
	if beside, err := os.Stat(filepath.Join(filepath.Dir(path), Name)); err == nil {
		list = append(list, beside)
	}
	return list, nil
}

// have reports whether a path leads to one of the files, or to one that is called
// Name. What cannot be looked at cannot be run either, and counts as ours.
func (f files) have(path string) bool {
	target, err := filepath.EvalSymlinks(path)
	if err != nil || filepath.Base(target) == Name {
		return true
	}
	info, err := os.Stat(target)
	return err != nil || slices.ContainsFunc(f, func(ours os.FileInfo) bool { return os.SameFile(ours, info) })
}
