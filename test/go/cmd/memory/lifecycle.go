package main

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"slices"
	"time"

	operationsv1 "github.com/openkcm/plugin-sdk/proto/plugin/keystore/operations/v1"
)

const (
	importValidity  = 24 * time.Hour
	maxMaterialText = 65_536
)

// create makes a key or lets one wait for its material. A repetition answers how it is with the key.
func (own *vault) create(account, keyID string, request *operationsv1.CreateKeyRequest) (*key, error) {
	isImport := request.GetKeyType() == operationsv1.KeyType_KEY_TYPE_BYOK
	isAES := request.GetAlgorithm() == operationsv1.KeyAlgorithm_KEY_ALGORITHM_AES256
	found := own.keys[keyID]
	switch {
	case found != nil && (found.account != account || found.imported != isImport || !isAES):
		return nil, refuse(keyExists)
	case !isAES || !slices.Contains(own.settings.Regions, request.GetRegion()):
		return nil, refuse(invalidRequest)
	case !isImport && request.GetKeyType() != operationsv1.KeyType_KEY_TYPE_SYSTEM_MANAGED:
		return nil, refuse(invalidRequest)
	case found != nil:
		return found, nil
	}
	own.keys[keyID] = &key{account: account, imported: isImport, minVersion: 1}
	if !isImport {
		own.addVersion(keyID)
	}
	return own.keys[keyID], nil
}

// providerParams travel through the tenant and come back with the material.
type providerParams struct {
	KeyID   string    `json:"keyId"`
	Expires time.Time `json:"expires"`
}

// importParameters are what a tenant wraps a key with.
func (own *vault) importParameters(account, keyID string) (map[string]any, error) {
	found, err := own.find(account, keyID)
	if err != nil {
		return nil, err
	}
	if !found.isPending() {
		return nil, refuse(keyNotImportable)
	}
	public, err := x509.MarshalPKIXPublicKey(&own.wrapping().PublicKey)
	if err != nil {
		return nil, err
	}
	expires := time.Now().UTC().Add(importValidity)
	params, err := json.Marshal(providerParams{keyID, expires})
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"publicKey":         string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		"wrappingAlgorithm": "CKM_RSA_PKCS_OAEP",
		"hashFunction":      "SHA256",
		"providerParams":    string(params),
		"validTo":           expires.Format(time.RFC3339),
	}, nil
}

// importMaterial gives a waiting key what its tenant has wrapped. The same material again is no change.
func (own *vault) importMaterial(account, keyID string, parameters map[string]any, text string) error {
	wrapped, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(text) == 0 || len(text) > maxMaterialText || base64.StdEncoding.EncodeToString(wrapped) != text {
		return refuse(invalidRequest)
	}
	params, isText := parameters["providerParams"].(string)
	var told providerParams
	if !isText || json.Unmarshal([]byte(params), &told) != nil || told.KeyID != keyID || !told.Expires.After(time.Now()) {
		return refuse(invalidRequest)
	}
	found, err := own.find(account, keyID)
	if err != nil {
		return err
	}
	blob := sha256.Sum256(wrapped)
	if !found.isPending() {
		if found.imported && found.blob == blob {
			return nil
		}
		return refuse(keyNotImportable)
	}
	material, err := rsa.DecryptOAEP(sha256.New(), nil, own.wrapping(), wrapped, nil)
	if err != nil || len(material) != 32 {
		return refuse(keyMaterialRejected)
	}
	aead, err := newAEAD(material)
	if err != nil {
		return err
	}
	found.blob = blob
	found.add(aead)
	return nil
}

// setDisabled is the kill switch and its end. A key without material has neither.
func (own *vault) setDisabled(account, keyID string, disabled bool) error {
	found, err := own.find(account, keyID)
	if err != nil {
		return err
	}
	if found.isPending() {
		return refuse(keyNotFound)
	}
	found.disabled = disabled
	return nil
}

// remove destroys a key at once; it keeps none for days. A key that is missing is removed already.
func (own *vault) remove(account, keyID string, days int32) error {
	if days < 0 {
		return refuse(invalidRequest)
	}
	if own.keys[keyID] == nil {
		return nil
	}
	if _, err := own.find(account, keyID); err != nil {
		return err
	}
	if days > 0 {
		return refuse(deletionNotAllowed)
	}
	delete(own.keys, keyID)
	return nil
}
