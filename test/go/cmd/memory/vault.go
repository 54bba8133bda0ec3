package main

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"sync"
	"time"
)

// vault holds the keys of one configuration. Its mutex is held by whoever works on it: see with.
type vault struct {
	settings *settings
	mutex    sync.Mutex
	keys     map[string]*key
	sealed   bool
	wrapping func() *rsa.PrivateKey
}

// key is one that is there, or one that waits for its material: then it has no version.
type key struct {
	account    string
	imported   bool
	blob       [sha256.Size]byte
	versions   []keyVersion
	minVersion int
	disabled   bool
}

type keyVersion struct {
	aead    cipher.AEAD
	created time.Time
}

func newVault(configured *settings) *vault {
	vault := &vault{settings: configured, keys: map[string]*key{}, wrapping: sync.OnceValue(newWrappingKey)}
	for id, account := range configured.Keys {
		vault.keys[id] = &key{account: account, minVersion: 1}
		vault.addVersion(id)
	}
	return vault
}

func newWrappingKey() *rsa.PrivateKey {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return private
}

// with lets one call work on the vault, once its values and its key id have been looked at.
func (own *vault) with(values map[string]any, keyID string, work func(account string) error) error {
	if !keyIDPattern.MatchString(keyID) {
		return refuse(invalidRequest)
	}
	return own.withValues(values, work)
}

// withValues is the same for a call that concerns no key.
func (own *vault) withValues(values map[string]any, work func(account string) error) error {
	account, err := own.settings.admit(values)
	if err != nil {
		return err
	}
	own.mutex.Lock()
	defer own.mutex.Unlock()
	if own.sealed {
		return refuse(sealed)
	}
	return work(account)
}

func (own *vault) isSealed() bool {
	own.mutex.Lock()
	defer own.mutex.Unlock()
	return own.sealed
}

// find answers a key that is there or waits.
func (own *vault) find(account, keyID string) (*key, error) {
	found := own.keys[keyID]
	if found == nil {
		return nil, refuse(keyNotFound)
	}
	if len(own.settings.Tokens) > 0 && found.account != account {
		return nil, refuse(denied)
	}
	return found, nil
}

// findMade answers a key that has material.
func (own *vault) findMade(account, keyID string) (*key, error) {
	found, err := own.find(account, keyID)
	if err == nil && found.isPending() {
		return nil, refuse(keyPending)
	}
	return found, err
}

func (own *vault) addVersion(keyID string) {
	changed := own.keys[keyID]
	aead, err := newAEAD(own.settings.material(keyID, len(changed.versions)+1))
	if err != nil {
		panic(err)
	}
	changed.add(aead)
}

// add takes care that the times of versions increase strictly, also where they are told in microseconds.
func (own *key) add(aead cipher.AEAD) {
	created := time.Now().UTC().Truncate(time.Microsecond)
	if count := len(own.versions); count > 0 && !created.After(own.versions[count-1].created) {
		created = own.versions[count-1].created.Add(time.Microsecond)
	}
	own.versions = append(own.versions, keyVersion{aead, created})
}

func (own *key) isPending() bool { return len(own.versions) == 0 }

func (own *key) status() string {
	switch {
	case own.isPending():
		return "PENDING_IMPORT"
	case own.disabled:
		return "DISABLED"
	default:
		return "ENABLED"
	}
}

// version answers one that may be used.
func (own *key) version(number int) (keyVersion, error) {
	if number > len(own.versions) {
		return keyVersion{}, refuse(versionUnknown)
	}
	if number < own.minVersion {
		return keyVersion{}, refuse(versionRetired)
	}
	return own.versions[number-1], nil
}
