// Package hostlog keeps what a host logs, its own lines and those it relays from plugins, in the order of arrival.
package hostlog

import (
	"encoding/json"
	"log/slog"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
)

// Entry is one line of the host's log.
type Entry struct {
	Level   string         `json:"level"`
	Message string         `json:"message"`
	Fields  map[string]any `json:"fields"`
}

// Log collects entries; its loggers keep every level from trace. The zero value is an empty log.
type Log struct {
	mutex   sync.Mutex
	entries []Entry
}

const levelTrace = slog.LevelDebug - 4

// Slog is the logger for hosts on plugin-sdk.
func (log *Log) Slog() *slog.Logger {
	return slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{
		Level: levelTrace,
		ReplaceAttr: func(groups []string, attribute slog.Attr) slog.Attr {
			if len(groups) == 0 && attribute.Key == slog.LevelKey && attribute.Value.Any() == levelTrace {
				return slog.String(slog.LevelKey, "TRACE")
			}
			return attribute
		},
	}))
}

// Hclog is the logger for hosts on go-plugin alone.
func (log *Log) Hclog(name string) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: name, Level: hclog.Trace, Output: log, JSONFormat: true})
}

// Write takes one JSON object, as both kinds of logger write it.
func (log *Log) Write(line []byte) (int, error) {
	fields := map[string]any{}
	if err := json.Unmarshal(line, &fields); err != nil {
		return 0, err
	}
	entry := Entry{Level: strings.ToLower(take(fields, "level", "@level")), Message: take(fields, "msg", "@message"), Fields: fields}
	log.mutex.Lock()
	defer log.mutex.Unlock()
	log.entries = append(log.entries, entry)
	return len(line), nil
}

// Entries returns what came so far.
func (log *Log) Entries() []Entry {
	log.mutex.Lock()
	defer log.mutex.Unlock()
	return append([]Entry{}, log.entries...)
}

func take(fields map[string]any, keys ...string) string {
	for _, key := range keys {
		if text, ok := fields[key].(string); ok {
			delete(fields, key)
			return text
		}
	}
	return ""
}
