// Package lines lets another program drive this one: one command a line on stdin, one answer a line on stdout.
//
// A command is {"id": 1, "do": "call", "with": {…}}; its answer is {"id": 1, "result": …} or {"id": 1, "error": "text"}.
// Commands run at the same time and are answered in the order in which they finish. The end of stdin ends the program.
package lines

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// Handler carries out one kind of command.
type Handler func(ctx context.Context, with json.RawMessage) (any, error)

// Handle makes a Handler of a function on typed arguments; an unknown member of "with" is an error.
func Handle[Arguments any, Result any](run func(context.Context, Arguments) (Result, error)) Handler {
	return func(ctx context.Context, with json.RawMessage) (any, error) {
		var arguments Arguments
		if len(with) > 0 {
			decoder := json.NewDecoder(bytes.NewReader(with))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&arguments); err != nil {
				return nil, fmt.Errorf("arguments: %w", err)
			}
		}
		return run(ctx, arguments)
	}
}

type command struct {
	ID   int64           `json:"id"`
	Do   string          `json:"do"`
	With json.RawMessage `json:"with"`
}

type answer struct {
	ID     int64  `json:"id"`
	Result any    `json:"result,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Serve answers commands until stdin ends, then waits for those that still run.
func Serve(handlers map[string]Handler) error {
	// The commands' context ends with stdin, so that a call without a deadline cannot keep the program alive.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var running sync.WaitGroup
	var writing sync.Mutex
	output := json.NewEncoder(os.Stdout)
	output.SetEscapeHTML(false)

	input := bufio.NewReader(os.Stdin)
	for {
		line, err := input.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			cancel()
			running.Wait()
			return nil
		}
		if err != nil {
			return err
		}
		var next command
		if err := json.Unmarshal(line, &next); err != nil {
			return fmt.Errorf("command: %w", err)
		}
		running.Go(func() {
			reply := run(ctx, handlers, next)
			writing.Lock()
			defer writing.Unlock()
			if err := output.Encode(reply); err != nil {
				fmt.Fprintln(os.Stderr, "answer:", err)
			}
		})
	}
}

func run(ctx context.Context, handlers map[string]Handler, next command) answer {
	handler, known := handlers[next.Do]
	if !known {
		return answer{ID: next.ID, Error: fmt.Sprintf("unknown command %q", next.Do)}
	}
	result, err := handler(ctx, next.With)
	if err != nil {
		return answer{ID: next.ID, Error: err.Error()}
	}
	return answer{ID: next.ID, Result: result}
}
