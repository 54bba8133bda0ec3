package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// settings are the configuration: JSON, which is YAML as well.
type settings struct {
	// Seed, 32 bytes in hexadecimal, is what keys are made from, so that a process that takes over decrypts what the one
	// before has encrypted. Without it each process has one of its own.
	Seed string `json:"seed"`
	// Tokens of the accounts. Without any every caller may use every key.
	Tokens map[string]string `json:"tokens"`
	// Keys that are there from the start, with their accounts.
	Keys map[string]string `json:"keys"`
	// Region of a key whose access data name none, and those in which keys may be made.
	Region  string   `json:"region"`
	Regions []string `json:"regions"`

	seed []byte
}

// parseSettings never tells a value of the text: it may be a secret.
func parseSettings(text string) (*settings, error) {
	parsed := &settings{}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(parsed); err != nil {
		return nil, errors.New("the configuration is not the JSON object it should be")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("something follows the configuration")
	}
	var err error
	if parsed.seed, err = hex.DecodeString(parsed.Seed); err != nil || len(parsed.seed)%sha256.Size != 0 {
		return nil, fmt.Errorf("seed is not of %d bytes in hexadecimal", sha256.Size)
	}
	return parsed.complete(), nil
}

func (own *settings) complete() *settings {
	if len(own.seed) == 0 {
		own.seed = make([]byte, sha256.Size)
		_, _ = rand.Read(own.seed)
	}
	return own
}

// material of a version of a key that is made here. A key that is made again under its old name is the old one.
func (own *settings) material(keyID string, version int) []byte {
	sum := hmac.New(sha256.New, own.seed)
	fmt.Fprintf(sum, "%s\n%d", keyID, version)
	return sum.Sum(nil)
}
