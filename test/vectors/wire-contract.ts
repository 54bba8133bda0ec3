// The wire contract, written down by hand from OpenKCM's plugin-sdk, go-plugin and the standard services, and from this
// product's own crypto contract. It is compared with what is compiled: nothing may be missing, differ or be extra.
//
// A method reads `Request -> Response`, with `stream` before the side that streams. A field reads as in a .proto file;
// types of the same package go by their short names; `in NAME` marks a member of a oneof.

/** The rows of one protobuf package. */
export interface PackageTable {
  readonly services?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly enums?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly messages: Readonly<Record<string, Readonly<Record<number, string>>>>;
}

const REFLECTION: PackageTable = {
  services: {
    ServerReflection: { ServerReflectionInfo: 'stream ServerReflectionRequest -> stream ServerReflectionResponse' },
  },
  messages: {
    ServerReflectionRequest: {
      1: 'string host',
      3: 'string file_by_filename in message_request',
      4: 'string file_containing_symbol in message_request',
      5: 'ExtensionRequest file_containing_extension in message_request',
      6: 'string all_extension_numbers_of_type in message_request',
      7: 'string list_services in message_request',
    },
    ExtensionRequest: { 1: 'string containing_type', 2: 'int32 extension_number' },
    ServerReflectionResponse: {
      1: 'string valid_host',
      2: 'ServerReflectionRequest original_request',
      4: 'FileDescriptorResponse file_descriptor_response in message_response',
      5: 'ExtensionNumberResponse all_extension_numbers_response in message_response',
      6: 'ListServiceResponse list_services_response in message_response',
      7: 'ErrorResponse error_response in message_response',
    },
    FileDescriptorResponse: { 1: 'repeated bytes file_descriptor_proto' },
    ExtensionNumberResponse: { 1: 'string base_type_name', 2: 'repeated int32 extension_number' },
    ListServiceResponse: { 1: 'repeated ServiceResponse service' },
    ServiceResponse: { 1: 'string name' },
    ErrorResponse: { 1: 'int32 error_code', 2: 'string error_message' },
  },
};

export const WIRE_CONTRACT: Readonly<Record<string, PackageTable>> = {
  'plugin.keystore.common.v1': {
    messages: { KeystoreInstanceConfig: { 1: 'google.protobuf.Struct values' } },
  },

  'plugin.keystore.operations.v1': {
    services: {
      KeystoreInstanceKeyOperation: {
        GetKey: 'GetKeyRequest -> GetKeyResponse',
        GetKeyVersions: 'GetKeyVersionsRequest -> GetKeyVersionsResponse',
        CreateKey: 'CreateKeyRequest -> CreateKeyResponse',
        DeleteKey: 'DeleteKeyRequest -> DeleteKeyResponse',
        EnableKey: 'EnableKeyRequest -> EnableKeyResponse',
        DisableKey: 'DisableKeyRequest -> DisableKeyResponse',
        GetImportParameters: 'GetImportParametersRequest -> GetImportParametersResponse',
        ImportKeyMaterial: 'ImportKeyMaterialRequest -> ImportKeyMaterialResponse',
        ValidateKey: 'ValidateKeyRequest -> ValidateKeyResponse',
        ValidateKeyAccessData: 'ValidateKeyAccessDataRequest -> ValidateKeyAccessDataResponse',
        TransformCryptoAccessData: 'TransformCryptoAccessDataRequest -> TransformCryptoAccessDataResponse',
        ExtractKeyRegion: 'ExtractKeyRegionRequest -> ExtractKeyRegionResponse',
      },
    },
    enums: {
      KeyAlgorithm: {
        KEY_ALGORITHM_UNSPECIFIED: 0,
        KEY_ALGORITHM_AES256: 1,
        KEY_ALGORITHM_RSA3072: 2,
        KEY_ALGORITHM_RSA4096: 3,
      },
      KeyType: { KEY_TYPE_UNSPECIFIED: 0, KEY_TYPE_SYSTEM_MANAGED: 1, KEY_TYPE_BYOK: 2, KEY_TYPE_HYOK: 3 },
    },
    messages: {
      RequestParameters: { 1: 'plugin.keystore.common.v1.KeystoreInstanceConfig config', 2: 'string key_id' },
      GetKeyRequest: { 1: 'RequestParameters parameters' },
      GetKeyResponse: {
        1: 'string key_id',
        2: 'KeyAlgorithm algorithm',
        3: 'string status',
        4: 'string usage',
        5: 'string latest_key_version_id',
        6: 'optional google.protobuf.Timestamp latest_rotation_time',
      },
      GetKeyVersionsRequest: { 1: 'RequestParameters parameters' },
      GetKeyVersionsResponse: { 1: 'repeated GetKeyVersionsResponse.KeyVersion versions' },
      'GetKeyVersionsResponse.KeyVersion': {
        1: 'string version_id',
        2: 'google.protobuf.Timestamp creation_time',
        3: 'optional string status',
      },
      CreateKeyRequest: {
        1: 'plugin.keystore.common.v1.KeystoreInstanceConfig config',
        2: 'KeyAlgorithm algorithm',
        3: 'optional string id',
        4: 'string region',
        5: 'KeyType key_type',
      },
      CreateKeyResponse: { 1: 'string key_id', 2: 'string status' },
      DeleteKeyRequest: { 1: 'RequestParameters parameters', 2: 'optional int32 window' },
      DeleteKeyResponse: {},
      EnableKeyRequest: { 1: 'RequestParameters parameters' },
      EnableKeyResponse: {},
      DisableKeyRequest: { 1: 'RequestParameters parameters' },
      DisableKeyResponse: {},
      GetImportParametersRequest: { 1: 'RequestParameters parameters', 2: 'KeyAlgorithm algorithm' },
      GetImportParametersResponse: { 1: 'string key_id', 2: 'google.protobuf.Struct import_parameters' },
      ImportKeyMaterialRequest: {
        1: 'RequestParameters parameters',
        2: 'google.protobuf.Struct import_parameters',
        3: 'string encrypted_key_material',
      },
      ImportKeyMaterialResponse: {},
      ValidateKeyRequest: {
        1: 'KeyType key_type',
        2: 'KeyAlgorithm algorithm',
        3: 'string region',
        4: 'string native_key_id',
      },
      ValidateKeyResponse: { 1: 'bool is_valid', 2: 'string message' },
      ValidateKeyAccessDataRequest: { 1: 'google.protobuf.Struct management', 2: 'google.protobuf.Struct crypto' },
      ValidateKeyAccessDataResponse: { 1: 'bool is_valid', 2: 'string message' },
      TransformCryptoAccessDataRequest: { 1: 'string native_key_id', 2: 'bytes access_data' },
      TransformCryptoAccessDataResponse: { 1: 'map<string, bytes> transformed_access_data' },
      ExtractKeyRegionRequest: { 1: 'string native_key_id', 2: 'google.protobuf.Struct management_access_data' },
      ExtractKeyRegionResponse: { 1: 'string region' },
    },
  },

  'plugin.keystore.management.v1': {
    services: {
      KeystoreProvider: {
        CreateKeystore: 'CreateKeystoreRequest -> CreateKeystoreResponse',
        DeleteKeystore: 'DeleteKeystoreRequest -> DeleteKeystoreResponse',
        GrantTrust: 'GrantTrustRequest -> GrantTrustResponse',
        RemoveTrust: 'RemoveTrustRequest -> RemoveTrustResponse',
        GetKeystoreStatus: 'GetKeystoreStatusRequest -> GetKeystoreStatusResponse',
        FinalizeKeystoreSetup: 'FinalizeKeystoreSetupRequest -> FinalizeKeystoreSetupResponse',
      },
    },
    enums: {
      TrustType: { TRUST_TYPE_UNSPECIFIED: 0, TRUST_TYPE_MANAGEMENT: 1, TRUST_TYPE_CRYPTO: 2 },
      KeystoreCreationStatus: {
        KEYSTORE_CREATION_STATUS_UNSPECIFIED: 0,
        KEYSTORE_CREATION_STATUS_ACTIVE: 1,
        KEYSTORE_CREATION_STATUS_PENDING_ACTIVATION: 2,
        KEYSTORE_CREATION_STATUS_FAILED: 3,
      },
    },
    messages: {
      SupportedRegion: { 1: 'string name', 2: 'string technical_name' },
      ManagementConfig: {
        1: 'string locality_id',
        2: 'string common_name',
        3: 'plugin.keystore.common.v1.KeystoreInstanceConfig access_data',
      },
      CreateKeystoreRequest: { 1: 'google.protobuf.Struct values' },
      CreateKeystoreResponse: {
        1: 'plugin.keystore.common.v1.KeystoreInstanceConfig config',
        2: 'ManagementConfig role_management_config',
        3: 'ManagementConfig key_management_config',
        4: 'repeated SupportedRegion supported_regions',
        5: 'optional KeystoreCreationStatus status',
        6: 'optional string account_id',
        7: 'optional string error_message',
        8: 'optional google.protobuf.Timestamp creation_time',
      },
      DeleteKeystoreRequest: { 1: 'plugin.keystore.common.v1.KeystoreInstanceConfig config' },
      DeleteKeystoreResponse: {},
      GrantTrustRequest: {
        1: 'plugin.keystore.common.v1.KeystoreInstanceConfig config',
        2: 'string subject',
        3: 'string region',
        4: 'TrustType type',
      },
      GrantTrustResponse: { 1: 'google.protobuf.Struct access_data' },
      RemoveTrustRequest: {
        1: 'plugin.keystore.common.v1.KeystoreInstanceConfig config',
        2: 'google.protobuf.Struct access_data',
      },
      RemoveTrustResponse: {},
      GetKeystoreStatusRequest: { 1: 'string account_id' },
      GetKeystoreStatusResponse: { 1: 'optional KeystoreCreationStatus status', 2: 'optional string error_message' },
      FinalizeKeystoreSetupRequest: { 1: 'string account_id', 2: 'google.protobuf.Struct values' },
      FinalizeKeystoreSetupResponse: {
        1: 'ManagementConfig role_management_config',
        2: 'ManagementConfig key_management_config',
        3: 'repeated SupportedRegion supported_regions',
        4: 'optional KeystoreCreationStatus status',
        5: 'optional string error_message',
      },
    },
  },

  'plugin.keystore.openbao.v1': {
    messages: {
      OpenBaoKeyAccessData: {
        10: 'string address',
        20: 'string namespace',
        30: 'string mount_path',
        40: 'string key_name',
        50: 'string auth_mount_path',
        60: 'string role_name',
        70: 'string key_version_id',
        80: 'string ca_reference',
      },
    },
  },

  'plugin.keystore.crypto.v1': {
    services: {
      KeystoreInstanceCryptoOperation: {
        Encrypt: 'EncryptRequest -> EncryptResponse',
        Decrypt: 'DecryptRequest -> DecryptResponse',
        Rewrap: 'RewrapRequest -> RewrapResponse',
        GetKeyStatus: 'GetKeyStatusRequest -> GetKeyStatusResponse',
        CheckHealth: 'CheckHealthRequest -> CheckHealthResponse',
      },
    },
    enums: {
      KeyStatus: {
        KEY_STATUS_UNSPECIFIED: 0,
        KEY_STATUS_ENABLED: 1,
        KEY_STATUS_DISABLED: 2,
        KEY_STATUS_PENDING_IMPORT: 3,
        KEY_STATUS_PENDING_DELETION: 4,
      },
      KeyUsage: { KEY_USAGE_UNSPECIFIED: 0, KEY_USAGE_ENCRYPT: 1, KEY_USAGE_DECRYPT: 2 },
      HealthState: {
        HEALTH_STATE_UNSPECIFIED: 0,
        HEALTH_STATE_ACTIVE: 1,
        HEALTH_STATE_DEGRADED: 2,
        HEALTH_STATE_UNAVAILABLE: 3,
      },
    },
    messages: {
      EncryptRequest: {
        1: 'plugin.keystore.operations.v1.RequestParameters parameters',
        2: 'bytes plaintext',
        3: 'optional bytes associated_data',
        4: 'optional string key_version_id',
        5: 'optional string request_id',
      },
      EncryptResponse: { 1: 'bytes ciphertext', 2: 'string key_version_id' },
      DecryptRequest: {
        1: 'plugin.keystore.operations.v1.RequestParameters parameters',
        2: 'bytes ciphertext',
        3: 'optional bytes associated_data',
        5: 'optional string request_id',
      },
      DecryptResponse: { 1: 'bytes plaintext', 2: 'string key_version_id' },
      RewrapRequest: {
        1: 'plugin.keystore.operations.v1.RequestParameters parameters',
        2: 'bytes ciphertext',
        3: 'optional bytes associated_data',
        4: 'optional bytes new_associated_data',
        5: 'optional string request_id',
      },
      RewrapResponse: { 1: 'bytes ciphertext', 2: 'string key_version_id' },
      GetKeyStatusRequest: {
        1: 'plugin.keystore.operations.v1.RequestParameters parameters',
        5: 'optional string request_id',
      },
      GetKeyStatusResponse: {
        1: 'KeyStatus status',
        2: 'plugin.keystore.operations.v1.KeyAlgorithm algorithm',
        3: 'repeated KeyUsage usages',
        4: 'string latest_key_version_id',
        5: 'optional string min_decryption_key_version_id',
        6: 'optional google.protobuf.Timestamp latest_rotation_time',
        10: 'uint32 max_plaintext_bytes',
        11: 'bool supports_associated_data',
        12: 'bool supports_rewrap',
      },
      CheckHealthRequest: {
        1: 'plugin.keystore.common.v1.KeystoreInstanceConfig config',
        2: 'bool deep',
        5: 'optional string request_id',
      },
      CheckHealthResponse: {
        1: 'HealthState state',
        2: 'string provider',
        3: 'string provider_version',
        4: 'google.protobuf.Timestamp checked_at',
        5: 'repeated EndpointHealth endpoints',
        6: 'optional string reason',
      },
      EndpointHealth: { 1: 'string id', 2: 'HealthState state', 3: 'string role' },
    },
  },

  'service.common.config.v1': {
    services: { Config: { Configure: 'ConfigureRequest -> ConfigureResponse' } },
    messages: {
      ConfigureRequest: { 1: 'string yaml_configuration' },
      ConfigureResponse: { 1: 'optional string build_info' },
    },
  },

  'service.init.v1': {
    services: { Bootstrap: { Init: 'InitRequest -> InitResponse', Deinit: 'DeinitRequest -> DeinitResponse' } },
    messages: {
      InitRequest: { 1: 'repeated string host_service_names' },
      InitResponse: { 1: 'repeated string plugin_service_names' },
      DeinitRequest: {},
      DeinitResponse: {},
    },
  },

  plugin: {
    services: {
      GRPCBroker: { StartStream: 'stream ConnInfo -> stream ConnInfo' },
      GRPCController: { Shutdown: 'Empty -> Empty' },
      GRPCStdio: { StreamStdio: 'google.protobuf.Empty -> stream StdioData' },
    },
    enums: { 'StdioData.Channel': { INVALID: 0, STDOUT: 1, STDERR: 2 } },
    messages: {
      ConnInfo: { 1: 'uint32 service_id', 2: 'string network', 3: 'string address', 4: 'ConnInfo.Knock knock' },
      'ConnInfo.Knock': { 1: 'bool knock', 2: 'bool ack', 3: 'string error' },
      Empty: {},
      StdioData: { 1: 'StdioData.Channel channel', 2: 'bytes data' },
    },
  },

  'grpc.health.v1': {
    services: {
      Health: {
        Check: 'HealthCheckRequest -> HealthCheckResponse',
        List: 'HealthListRequest -> HealthListResponse',
        Watch: 'HealthCheckRequest -> stream HealthCheckResponse',
      },
    },
    enums: { 'HealthCheckResponse.ServingStatus': { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } },
    messages: {
      HealthCheckRequest: { 1: 'string service' },
      HealthCheckResponse: { 1: 'HealthCheckResponse.ServingStatus status' },
      HealthListRequest: {},
      HealthListResponse: { 1: 'map<string, HealthCheckResponse> statuses' },
    },
  },

  'grpc.reflection.v1': REFLECTION,
  'grpc.reflection.v1alpha': REFLECTION,

  'google.rpc': {
    messages: {
      Status: { 1: 'int32 code', 2: 'string message', 3: 'repeated google.protobuf.Any details' },
      ErrorInfo: { 1: 'string reason', 2: 'string domain', 3: 'map<string, string> metadata' },
      RetryInfo: { 1: 'google.protobuf.Duration retry_delay' },
    },
  },

  'google.protobuf': {
    enums: { NullValue: { NULL_VALUE: 0 } },
    messages: {
      Any: { 1: 'string type_url', 2: 'bytes value' },
      Duration: { 1: 'int64 seconds', 2: 'int32 nanos' },
      Empty: {},
      ListValue: { 1: 'repeated Value values' },
      Struct: { 1: 'map<string, Value> fields' },
      Timestamp: { 1: 'int64 seconds', 2: 'int32 nanos' },
      Value: {
        1: 'NullValue null_value in kind',
        2: 'double number_value in kind',
        3: 'string string_value in kind',
        4: 'bool bool_value in kind',
        5: 'Struct struct_value in kind',
        6: 'ListValue list_value in kind',
      },
    },
  },
};
