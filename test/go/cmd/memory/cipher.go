package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

const minPayload = 28 // nonce and tag

var versionPattern = regexp.MustCompile(`^[1-9][0-9]{0,9}$`)

func newAEAD(material []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(material)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal answers a ciphertext as Transit writes it: vault:vN: and base64 of nonce, text and tag.
func seal(aead cipher.AEAD, version int, plaintext, associated []byte) []byte {
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce)
	payload := aead.Seal(nonce, nonce, plaintext, associated)
	return fmt.Appendf(nil, "vault:v%d:%s", version, base64.StdEncoding.EncodeToString(payload))
}

// parseCiphertext takes one spelling of each ciphertext and refuses all others.
func parseCiphertext(ciphertext []byte) (version int, payload []byte, err error) {
	text, isOurs := strings.CutPrefix(string(ciphertext), "vault:v")
	number, encoded, hasPayload := strings.Cut(text, ":")
	if !isOurs || !hasPayload || !versionPattern.MatchString(number) {
		return 0, nil, refuse(malformedCiphertext)
	}
	payload, err = base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(payload) < minPayload || base64.StdEncoding.EncodeToString(payload) != encoded {
		return 0, nil, refuse(malformedCiphertext)
	}
	version, err = strconv.Atoi(number)
	return version, payload, err
}

// open answers the plaintext of a payload; every reason why there is none looks alike.
func open(aead cipher.AEAD, payload, associated []byte) ([]byte, error) {
	plaintext, err := aead.Open(nil, payload[:aead.NonceSize()], payload[aead.NonceSize():], associated)
	if err != nil {
		return nil, refuse(integrityFailure)
	}
	return plaintext, nil
}
