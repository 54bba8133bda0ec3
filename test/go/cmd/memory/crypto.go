package main

import (
	"context"
	"regexp"
	"strconv"
	"time"
)

const (
	maxPlaintext  = 1 << 20
	maxAssociated = 1 << 16
)

var requestIDPattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`)

// Numbers of the enumerations of plugin.keystore.crypto.v1.
var keyStatusNumbers = map[string]int{"ENABLED": 1, "DISABLED": 2, "PENDING_IMPORT": 3}

const (
	healthActive      = 1
	healthUnavailable = 3
)

// crypto is the service plugin.keystore.crypto.v1.KeystoreInstanceCryptoOperation.
type crypto struct {
	*keystore
}

type (
	encryptRequest struct {
		keyRequest
		Plaintext      []byte  `json:"plaintext"`
		AssociatedData []byte  `json:"associatedData"`
		KeyVersionID   *string `json:"keyVersionId"`
	}
	encryptResponse struct {
		Ciphertext   []byte `json:"ciphertext"`
		KeyVersionID string `json:"keyVersionId"`
	}
	decryptRequest struct {
		keyRequest
		Ciphertext     []byte `json:"ciphertext"`
		AssociatedData []byte `json:"associatedData"`
	}
	decryptResponse struct {
		Plaintext    []byte `json:"plaintext"`
		KeyVersionID string `json:"keyVersionId"`
	}
	rewrapRequest struct {
		decryptRequest
		NewAssociatedData []byte `json:"newAssociatedData"`
	}
	statusResponse struct {
		Status             int        `json:"status"`
		Algorithm          int        `json:"algorithm"`
		Usages             []int      `json:"usages"`
		LatestVersionID    string     `json:"latestKeyVersionId"`
		MinVersionID       *string    `json:"minDecryptionKeyVersionId"`
		LatestRotationTime *time.Time `json:"latestRotationTime"`
		MaxPlaintextBytes  int        `json:"maxPlaintextBytes"`
		AssociatedData     bool       `json:"supportsAssociatedData"`
		Rewrap             bool       `json:"supportsRewrap"`
	}
	healthRequest struct {
		Config    instanceConfig `json:"config"`
		Deep      bool           `json:"deep"`
		RequestID *string        `json:"requestId"`
	}
	healthResponse struct {
		State           int              `json:"state"`
		Provider        string           `json:"provider"`
		ProviderVersion string           `json:"providerVersion"`
		CheckedAt       time.Time        `json:"checkedAt"`
		Endpoints       []endpointHealth `json:"endpoints"`
	}
	endpointHealth struct {
		ID    string `json:"id"`
		State int    `json:"state"`
		Role  string `json:"role"`
	}
)

// forKey lets a request work on its key, and tells its refusal as this service does.
func (own *crypto) forKey(request keyRequest, work func(found *key) error) error {
	if !isRequestID(request.RequestID) {
		return cryptoWords.tell(refuse(invalidRequest))
	}
	vault, parameters := own.vault(), request.Parameters
	return cryptoWords.tell(vault.with(parameters.Config.Values, parameters.KeyID, func(account string) error {
		found, err := vault.find(account, parameters.KeyID)
		if err != nil {
			return err
		}
		return work(found)
	}))
}

func isRequestID(text *string) bool { return text == nil || requestIDPattern.MatchString(*text) }

func (own *crypto) encrypt(_ context.Context, request *encryptRequest) (response *encryptResponse, err error) {
	return response, own.forKey(request.keyRequest, func(found *key) (err error) {
		response, err = found.encrypt(request.KeyVersionID, request.Plaintext, request.AssociatedData)
		return err
	})
}

func (own *key) encrypt(versionID *string, plaintext, associated []byte) (*encryptResponse, error) {
	number := len(own.versions)
	if versionID != nil {
		if !versionPattern.MatchString(*versionID) {
			return nil, refuse(invalidRequest)
		}
		number, _ = strconv.Atoi(*versionID)
	}
	if len(plaintext) > maxPlaintext || len(associated) > maxAssociated {
		return nil, refuse(invalidRequest)
	}
	used, err := own.usable(number)
	if err != nil {
		return nil, err
	}
	return &encryptResponse{seal(used.aead, number, plaintext, associated), strconv.Itoa(number)}, nil
}

// usable answers a version of a key that is there and not disabled.
func (own *key) usable(number int) (keyVersion, error) {
	if own.isPending() {
		return keyVersion{}, refuse(keyPending)
	}
	if own.disabled {
		return keyVersion{}, refuse(keyDisabled)
	}
	return own.version(number)
}

func (own *crypto) decrypt(_ context.Context, request *decryptRequest) (response *decryptResponse, err error) {
	return response, own.forKey(request.keyRequest, func(found *key) (err error) {
		response, err = found.decrypt(request.Ciphertext, request.AssociatedData)
		return err
	})
}

func (own *key) decrypt(ciphertext, associated []byte) (*decryptResponse, error) {
	number, payload, err := parseCiphertext(ciphertext)
	if err != nil {
		return nil, err
	}
	used, err := own.usable(number)
	if err != nil {
		return nil, err
	}
	plaintext, err := open(used.aead, payload, associated)
	if err != nil {
		return nil, err
	}
	return &decryptResponse{plaintext, strconv.Itoa(number)}, nil
}

func (own *crypto) rewrap(_ context.Context, request *rewrapRequest) (response *encryptResponse, err error) {
	return response, own.forKey(request.keyRequest, func(found *key) error {
		decrypted, err := found.decrypt(request.Ciphertext, request.AssociatedData)
		if err != nil {
			return err
		}
		associated := request.AssociatedData
		if request.NewAssociatedData != nil {
			associated = request.NewAssociatedData
		}
		response, err = found.encrypt(nil, decrypted.Plaintext, associated)
		return err
	})
}

func (own *crypto) getKeyStatus(_ context.Context, request *keyRequest) (response *statusResponse, err error) {
	return response, own.forKey(*request, func(found *key) error {
		response = &statusResponse{
			Status: keyStatusNumbers[found.status()], Algorithm: int(aes256), Usages: []int{1, 2},
			MaxPlaintextBytes: maxPlaintext, AssociatedData: true, Rewrap: true,
		}
		if latest := len(found.versions); latest > 0 {
			lowest := strconv.Itoa(found.minVersion)
			response.LatestVersionID, response.MinVersionID = strconv.Itoa(latest), &lowest
			response.LatestRotationTime = &found.versions[latest-1].created
		}
		return nil
	})
}

func (own *crypto) checkHealth(_ context.Context, request *healthRequest) (*healthResponse, error) {
	if !isRequestID(request.RequestID) {
		return nil, cryptoWords.tell(refuse(invalidRequest))
	}
	if request.Deep {
		err := own.vault().withValues(request.Config.Values, func(string) error { return nil })
		if err != nil {
			return nil, cryptoWords.tell(err)
		}
	}
	endpoint := endpointHealth{product, healthActive, "active"}
	if own.vault().isSealed() {
		endpoint = endpointHealth{product, healthUnavailable, "sealed"}
	}
	return &healthResponse{
		State: endpoint.State, Provider: product, ProviderVersion: productVersion, CheckedAt: time.Now().UTC(),
		Endpoints: []endpointHealth{endpoint},
	}, nil
}
