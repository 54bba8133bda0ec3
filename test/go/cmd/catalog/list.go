package main

import (
	"context"
	"strings"

	"github.com/openkcm/plugin-sdk/pkg/catalog"
	"github.com/spf13/viper"
)

type decodeArguments struct {
	// The text of a configuration file whose only key is plugins.
	Yaml string `json:"yaml"`
}

type decodeResult struct {
	Error   string        `json:"error"`
	Plugins []pluginEntry `json:"plugins"`
}

// decode reads a plugins list as CMK's loader does: viper, and no key that nobody knows.
func (host *host) decode(_ context.Context, arguments decodeArguments) (decodeResult, error) {
	var file struct{ Plugins []catalog.PluginConfig }
	reader := viper.New()
	reader.SetConfigType("yaml")
	err := reader.ReadConfig(strings.NewReader(arguments.Yaml))
	if err == nil {
		err = reader.UnmarshalExact(&file)
	}
	if err != nil {
		return decodeResult{Error: err.Error()}, nil
	}
	result := decodeResult{Plugins: []pluginEntry{}}
	for _, plugin := range file.Plugins {
		result.Plugins = append(result.Plugins, pluginEntry{
			Name: plugin.Name, Type: plugin.Type, Path: plugin.Path, Args: plugin.Args, Env: plugin.Env,
			Checksum: plugin.Checksum, Version: plugin.Version, YamlConfiguration: plugin.YamlConfiguration,
			LogLevel: plugin.LogLevel, Tags: plugin.Tags, Disabled: plugin.Disabled,
		})
	}
	return result, nil
}
