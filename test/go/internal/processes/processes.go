// Package processes reads what Linux tells about the children of this program.
package processes

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Process is one sample. A field of the kernel that cannot be read (the process may just have ended) stays 0.
type Process struct {
	Pid     int    `json:"pid"`
	State   string `json:"state"`
	Command string `json:"command"`
	// Processor time of user and system since the start.
	CPUMs float64 `json:"cpuMs"`
	// What the process maps and holds in memory, files included.
	ResidentKiB int `json:"residentKiB"`
	// What only this process holds and the kernel cannot drop.
	PrivateKiB int `json:"privateKiB"`
}

// The kernel counts processor time in ticks of 10 ms on every Linux that Go runs on.
const tickMs = 10

// Children samples the direct children of this program, ended and unreaped ones (state Z) included.
func Children() ([]Process, error) {
	found := []Process{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	for _, file := range stats {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		sample, parent, err := read(pid)
		if err == nil && parent == os.Getpid() {
			found = append(found, sample)
		}
	}
	return found, nil
}

// Sample looks at one process.
func Sample(pid int) (Process, error) {
	sample, _, err := read(pid)
	return sample, err
}

func read(pid int) (Process, int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Process{}, 0, err
	}
	// The name in parentheses may hold blanks and parentheses itself, so fields are counted from the last one.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	parent, _ := strconv.Atoi(fields[1])
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	sample := Process{Pid: pid, State: fields[0], CPUMs: float64((user + system) * tickMs)}
	if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil {
		sample.Command = strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
	}
	if rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid)); err == nil {
		sample.ResidentKiB = kibibytes(rollup, "Rss:")
		sample.PrivateKiB = kibibytes(rollup, "Private_Dirty:")
	}
	return sample, parent, nil
}

func kibibytes(rollup []byte, name string) int {
	for line := range strings.Lines(string(rollup)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == name {
			value, _ := strconv.Atoi(fields[1])
			return value
		}
	}
	return 0
}
