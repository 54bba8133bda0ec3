import { PLUGIN_PROTOCOL_VERSION, SERVICE_DEFINITIONS } from './plugin-types.ts';

/** What a host hands to `startPluginHost` for a keystore plugin that operates on keys. */
export const keystoreContract = {
  type: 'KeystoreInstanceKeyOperation',
  protocolVersions: [PLUGIN_PROTOCOL_VERSION],
  services: {
    operations: { definition: SERVICE_DEFINITIONS.keyOperation, required: true },
    crypto: { definition: SERVICE_DEFINITIONS.cryptoOperation, required: false },
  },
} as const;

/** The same for a plugin that makes keystores. */
export const keystoreProviderContract = {
  type: 'KeystoreProvider',
  protocolVersions: [PLUGIN_PROTOCOL_VERSION],
  services: {
    provider: { definition: SERVICE_DEFINITIONS.provider, required: true },
  },
} as const;
