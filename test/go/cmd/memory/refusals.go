package main

import (
	"errors"
	"maps"

	keystoreerrors "github.com/openkcm/plugin-sdk/pkg/plugin/keystore/errors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type reason string

// Why a call is refused. The text is what ErrorInfo tells as its reason.
const (
	invalidRequest      reason = "INVALID_REQUEST"
	accessDataMissing   reason = keystoreerrors.ReasonMissingFields
	accessDataUnusable  reason = keystoreerrors.ReasonCannotParseData
	loginRefused        reason = "LOGIN_REFUSED"
	denied              reason = "DENIED_BY_POLICY"
	sealed              reason = "SEALED"
	keyNotFound         reason = "KEY_NOT_FOUND"
	keyExists           reason = "KEY_EXISTS"
	keyPending          reason = "KEY_PENDING_IMPORT"
	keyNotImportable    reason = "KEY_NOT_IMPORTABLE"
	keyMaterialRejected reason = "KEY_MATERIAL_REJECTED"
	deletionNotAllowed  reason = "DELETION_NOT_ALLOWED"
	keyDisabled         reason = "KEY_DISABLED"
	versionUnknown      reason = "KEY_VERSION_UNKNOWN"
	versionRetired      reason = "KEY_VERSION_RETIRED"
	malformedCiphertext reason = "INVALID_CIPHERTEXT"
	integrityFailure    reason = "INTEGRITY_FAILURE"
)

// refusal is an error of the keystore before a service has put it into its words.
type refusal struct {
	reason   reason
	metadata map[string]string
}

func (refused refusal) Error() string { return string(refused.reason) }

func refuse(why reason) error { return refusal{reason: why} }

func missing(fields string) error {
	return refusal{accessDataMissing, map[string]string{keystoreerrors.MetadataMissingFields: fields}}
}

// words are the statuses in which a service tells its refusals.
type words map[reason]*status.Status

var common = words{
	invalidRequest:      status.New(codes.InvalidArgument, "the request is not valid"),
	accessDataMissing:   keystoreerrors.StatusInvalidKeyAccessData,
	accessDataUnusable:  keystoreerrors.StatusInvalidKeyAccessData,
	sealed:              status.New(codes.Unavailable, "the keystore is sealed"),
	keyNotFound:         keystoreerrors.StatusKeyNotFound,
	keyExists:           status.New(codes.AlreadyExists, "there is another key of this name"),
	keyNotImportable:    status.New(codes.FailedPrecondition, "the key takes no material"),
	deletionNotAllowed:  status.New(codes.FailedPrecondition, "the key cannot be deleted after a time"),
	keyMaterialRejected: status.New(codes.InvalidArgument, "key material decryption failed: invalid or incorrectly wrapped key material"),
}

var operationsWords = common.and(words{
	loginRefused: keystoreerrors.StatusProviderAuthenticationError,
	denied:       keystoreerrors.StatusProviderAuthenticationError,
	keyPending:   keystoreerrors.StatusKeyGenericErr,
})

var cryptoWords = common.and(words{
	loginRefused:        status.New(codes.Unauthenticated, keystoreerrors.StatusProviderAuthenticationError.Message()),
	denied:              status.New(codes.PermissionDenied, "the keystore provider denies the operation"),
	keyPending:          status.New(codes.FailedPrecondition, "the key waits for its material"),
	keyDisabled:         status.New(codes.FailedPrecondition, "the key is disabled"),
	versionUnknown:      status.New(codes.FailedPrecondition, "the key version is unknown"),
	versionRetired:      status.New(codes.FailedPrecondition, "the key version is retired"),
	malformedCiphertext: status.New(codes.InvalidArgument, "the ciphertext is malformed"),
	integrityFailure:    status.New(codes.InvalidArgument, "the ciphertext cannot be decrypted"),
})

func (own words) and(others words) words {
	all := maps.Clone(own)
	maps.Copy(all, others)
	return all
}

// tell turns an error of the keystore into the status of a call.
func (own words) tell(err error) error {
	var refused refusal
	if !errors.As(err, &refused) {
		return err
	}
	return keystoreerrors.NewGrpcErrorWithDetails(own[refused.reason], string(refused.reason), refused.metadata)
}
