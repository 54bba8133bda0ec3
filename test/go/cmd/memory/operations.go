package main

import (
	"context"
	"slices"
	"strconv"
	"time"

	operationsv1 "github.com/openkcm/plugin-sdk/proto/plugin/keystore/operations/v1"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const aes256 = operationsv1.KeyAlgorithm_KEY_ALGORITHM_AES256

// operations is the service that plugin-sdk has code for.
type operations struct {
	operationsv1.UnimplementedKeystoreInstanceKeyOperationServer
	*keystore
}

// forKey lets a request work on its key, and tells its refusal as this service does.
func (own *operations) forKey(
	parameters *operationsv1.RequestParameters, work func(vault *vault, account, keyID string) error,
) error {
	vault, keyID := own.vault(), parameters.GetKeyId()
	return operationsWords.tell(vault.with(parameters.GetConfig().GetValues().AsMap(), keyID, func(account string) error {
		return work(vault, account, keyID)
	}))
}

func (own *operations) GetKey(
	_ context.Context, request *operationsv1.GetKeyRequest,
) (response *operationsv1.GetKeyResponse, err error) {
	return response, own.forKey(request.GetParameters(), func(vault *vault, account, keyID string) error {
		found, err := vault.find(account, keyID)
		if err != nil {
			return err
		}
		response = &operationsv1.GetKeyResponse{
			KeyId: keyID, Algorithm: aes256, Status: found.status(), Usage: "ENCRYPT_DECRYPT",
		}
		if latest := len(found.versions); latest > 0 {
			response.LatestKeyVersionId = strconv.Itoa(latest)
			response.LatestRotationTime = timestamppb.New(found.versions[latest-1].created)
		}
		return nil
	})
}

// Messages of GetKeyVersions, which is newer than plugin-sdk v0.14.0.
type (
	keyRequest struct {
		Parameters parameters `json:"parameters"`
		RequestID  *string    `json:"requestId"`
	}
	parameters struct {
		KeyID  string         `json:"keyId"`
		Config instanceConfig `json:"config"`
	}
	instanceConfig struct {
		Values map[string]any `json:"values"`
	}
	keyVersions struct {
		Versions []keyVersionEntry `json:"versions"`
	}
	keyVersionEntry struct {
		VersionID    string    `json:"versionId"`
		CreationTime time.Time `json:"creationTime"`
		Status       string    `json:"status"`
	}
)

func (own *operations) getKeyVersions(_ context.Context, request *keyRequest) (*keyVersions, error) {
	answer, vault := &keyVersions{}, own.vault()
	keyID := request.Parameters.KeyID
	return answer, operationsWords.tell(vault.with(request.Parameters.Config.Values, keyID, func(account string) error {
		found, err := vault.findMade(account, keyID)
		if err != nil {
			return err
		}
		for number := found.minVersion; number <= len(found.versions); number++ {
			answer.Versions = append(answer.Versions, keyVersionEntry{
				strconv.Itoa(number), found.versions[number-1].created, found.status(),
			})
		}
		return nil
	}))
}

func (own *operations) CreateKey(
	_ context.Context, request *operationsv1.CreateKeyRequest,
) (response *operationsv1.CreateKeyResponse, err error) {
	named := &operationsv1.RequestParameters{Config: request.GetConfig(), KeyId: request.GetId()}
	return response, own.forKey(named, func(vault *vault, account, keyID string) error {
		made, err := vault.create(account, keyID, request)
		if err != nil {
			return err
		}
		response = &operationsv1.CreateKeyResponse{KeyId: keyID, Status: made.status()}
		return nil
	})
}

func (own *operations) DeleteKey(
	_ context.Context, request *operationsv1.DeleteKeyRequest,
) (*operationsv1.DeleteKeyResponse, error) {
	return &operationsv1.DeleteKeyResponse{}, own.forKey(request.GetParameters(), func(vault *vault, account, keyID string) error {
		return vault.remove(account, keyID, request.GetWindow())
	})
}

func (own *operations) EnableKey(
	_ context.Context, request *operationsv1.EnableKeyRequest,
) (*operationsv1.EnableKeyResponse, error) {
	return &operationsv1.EnableKeyResponse{}, own.forKey(request.GetParameters(), func(vault *vault, account, keyID string) error {
		return vault.setDisabled(account, keyID, false)
	})
}

func (own *operations) DisableKey(
	_ context.Context, request *operationsv1.DisableKeyRequest,
) (*operationsv1.DisableKeyResponse, error) {
	return &operationsv1.DisableKeyResponse{}, own.forKey(request.GetParameters(), func(vault *vault, account, keyID string) error {
		return vault.setDisabled(account, keyID, true)
	})
}

func (own *operations) GetImportParameters(
	_ context.Context, request *operationsv1.GetImportParametersRequest,
) (response *operationsv1.GetImportParametersResponse, err error) {
	return response, own.forKey(request.GetParameters(), func(vault *vault, account, keyID string) error {
		if request.GetAlgorithm() != aes256 {
			return refuse(invalidRequest)
		}
		values, err := vault.importParameters(account, keyID)
		if err != nil {
			return err
		}
		told, err := structpb.NewStruct(values)
		response = &operationsv1.GetImportParametersResponse{KeyId: keyID, ImportParameters: told}
		return err
	})
}

func (own *operations) ImportKeyMaterial(
	_ context.Context, request *operationsv1.ImportKeyMaterialRequest,
) (*operationsv1.ImportKeyMaterialResponse, error) {
	told, text := request.GetImportParameters().AsMap(), request.GetEncryptedKeyMaterial()
	return &operationsv1.ImportKeyMaterialResponse{}, own.forKey(request.GetParameters(), func(vault *vault, account, keyID string) error {
		return vault.importMaterial(account, keyID, told, text)
	})
}

func (own *operations) ValidateKey(
	_ context.Context, request *operationsv1.ValidateKeyRequest,
) (*operationsv1.ValidateKeyResponse, error) {
	isValid := request.GetAlgorithm() == aes256
	switch request.GetKeyType() {
	case operationsv1.KeyType_KEY_TYPE_HYOK:
		isValid = keyIDPattern.MatchString(request.GetNativeKeyId())
	case operationsv1.KeyType_KEY_TYPE_BYOK, operationsv1.KeyType_KEY_TYPE_SYSTEM_MANAGED:
		isValid = isValid && slices.Contains(own.vault().settings.Regions, request.GetRegion())
	default:
		isValid = false
	}
	if isValid {
		return &operationsv1.ValidateKeyResponse{IsValid: true}, nil
	}
	return &operationsv1.ValidateKeyResponse{Message: "there can be no such key"}, nil
}

func (own *operations) ValidateKeyAccessData(
	_ context.Context, request *operationsv1.ValidateKeyAccessDataRequest,
) (*operationsv1.ValidateKeyAccessDataResponse, error) {
	err := validateAccessData(request.GetManagement().AsMap(), request.GetCrypto().AsMap())
	return &operationsv1.ValidateKeyAccessDataResponse{IsValid: true}, operationsWords.tell(err)
}

func (own *operations) TransformCryptoAccessData(
	_ context.Context, request *operationsv1.TransformCryptoAccessDataRequest,
) (*operationsv1.TransformCryptoAccessDataResponse, error) {
	if !keyIDPattern.MatchString(request.GetNativeKeyId()) {
		return nil, operationsWords.tell(refuse(invalidRequest))
	}
	transformed, err := transform(request.GetAccessData())
	return &operationsv1.TransformCryptoAccessDataResponse{TransformedAccessData: transformed}, operationsWords.tell(err)
}

func (own *operations) ExtractKeyRegion(
	_ context.Context, request *operationsv1.ExtractKeyRegionRequest,
) (*operationsv1.ExtractKeyRegionResponse, error) {
	region, err := own.vault().settings.regionOf(request.GetManagementAccessData().AsMap())
	return &operationsv1.ExtractKeyRegionResponse{Region: region}, operationsWords.tell(err)
}
