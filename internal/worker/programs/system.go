package programs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dffmpeg/dffmpeg/internal/ffargs"
	"github.com/dffmpeg/dffmpeg/internal/worker/launch"
)

// System says where this machine's devices are, and when it started.
type System struct {
	Dev  string // directory of devices
	Boot string // file with what differs whenever the machine has started
}

// Linux is the system of this machine.
func Linux() System { return System{Dev: "/dev", Boot: "/proc/sys/kernel/random/boot_id"} }

// patterns find the devices by which programs use hardware for media.
func patterns() []string {
	return []string{"dri/renderD*", "dri/card*", "nvidia*", "kfd", "video*", "dxg", "mali*", "mpp_service", "rga", "vchiq"}
}

// matching returns the paths of the devices that a pattern finds.
func (s System) matching(pattern string) []string {
	list, _ := filepath.Glob(filepath.Join(s.Dev, pattern)) // the patterns are well-formed
	return list
}

// key is what decides about what a program can do.
type key struct {
	Kind        ffargs.Program
	Path        string
	Size        int64
	Modified    int64 // ns
	Inode       uint64
	Account     string   // whom it runs as
	Devices     []string // with their numbers
	Boot        string
	Environment []string
}

// keyOf returns what names the findings about a program at path.
func keyOf(program launch.Program, kind ffargs.Program, system System) (string, error) {
	resolved, err := filepath.EvalSymlinks(program.Path)
	if err != nil {
		return "", fmt.Errorf("look at the program: %w", err)
	}
	var stat unix.Stat_t
	if err := unix.Stat(resolved, &stat); err != nil {
		return "", fmt.Errorf("look at the program: %w", &fs.PathError{Op: "stat", Path: resolved, Err: err})
	}
	k := key{
		Kind: kind, Path: resolved, Size: stat.Size, Modified: stat.Mtim.Nano(), Inode: stat.Ino,
		Account: program.Account,
		Devices: system.devices(),
	}
	if boot, err := os.ReadFile(system.Boot); err == nil { // not in every container
		k.Boot = strings.TrimSpace(string(boot))
	}
	for _, entry := range program.Environment {
		if decides(entry) {
			k.Environment = append(k.Environment, entry)
		}
	}
	slices.Sort(k.Environment)
	text, err := json.Marshal(k)
	if err != nil {
		return "", fmt.Errorf("name the findings about a program: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), nil
}

// nodes lists the paths of the devices that are there.
func (s System) nodes() []string {
	var list []string
	for _, pattern := range patterns() {
		list = append(list, s.matching(pattern)...)
	}
	return list
}

// devices lists them with all that decides about whether they can be used.
func (s System) devices() []string {
	var list []string
	for _, path := range s.nodes() {
		var stat unix.Stat_t
		if unix.Stat(path, &stat) == nil {
			list = append(list, fmt.Sprintf("%s %d %o %d %d", path, stat.Rdev, stat.Mode, stat.Uid, stat.Gid))
		}
	}
	return list
}

// decides reports whether a variable of the environment decides about hardware: those
// of loaders and drivers.
func decides(entry string) bool {
	for _, prefix := range []string{
		"LD_", "LIBVA_", "VDPAU_", "VK_", "CUDA_", "NVIDIA_", "AMD_", "AMDGPU_", "MESA_", "RADV_", "ANV_", "INTEL_", "MFX_", "ONEVPL_", "OCL_", "DRI_", "DISPLAY=", "GALLIUM_", "LIBGL_",
	} {
		if strings.HasPrefix(entry, prefix) {
			return true
		}
	}
	return false
}
