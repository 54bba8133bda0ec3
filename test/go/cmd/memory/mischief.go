package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hashicorp/go-hclog"
)

var mischief = map[string]act{
	// Ends the process inside the call.
	"exit": func(_ *owner, request map[string]any) error {
		code, _ := request["code"].(float64)
		os.Exit(int(code))
		return nil
	},
	// The runtime ends a Go program so: exit code 2, and the text on file descriptor 2.
	"panic": func(_ *owner, request map[string]any) error {
		panic(request["text"])
	},
	// Never answers.
	"hang": func(*owner, map[string]any) error { select {} },
	// Logs as plugins do, at every level.
	"log": func(own *owner, request map[string]any) error {
		for _, level := range []hclog.Level{hclog.Trace, hclog.Debug, hclog.Info, hclog.Warn, hclog.Error} {
			own.logger.Named("keys").Log(level, "at "+level.String(), "text", request["text"], "number", 7, "flag", true)
		}
		return nil
	},
	// Writes a text, or so many bytes without a line feed, to a stream.
	"print": func(_ *owner, request map[string]any) error {
		name, _ := request["stream"].(string)
		text, _ := request["text"].(string)
		if bytes, isNumber := request["bytes"].(float64); isNumber {
			text = strings.Repeat("x", int(bytes))
		}
		_, err := fmt.Fprint(streams()[name], text)
		return err
	},
}

// streams are asked for in each call, since Serve changes two of them.
func streams() map[string]io.Writer {
	return map[string]io.Writer{
		"stdout": os.Stdout, "stderr": os.Stderr, "descriptor 1": originalStdout, "descriptor 2": originalStderr,
	}
}
