import type { KeystoreProviderServer } from '../../proto/gen/plugin/keystore/management/v1/management.ts';
import type { ActiveKeystore } from './active-keystore.ts';
import type { UnaryEnvironment } from './unary.ts';
import { unsupported } from './unsupported.ts';

/** `plugin.keystore.management.v1.KeystoreProvider`: served in full, nothing of it is offered yet. */
export function createProvider(keystore: ActiveKeystore, environment: UnaryEnvironment): KeystoreProviderServer {
  const notOffered = <Request, Response>(rpc: string) => unsupported<Request, Response>(rpc, keystore, environment);
  return {
    createKeystore: notOffered('CreateKeystore'),
    deleteKeystore: notOffered('DeleteKeystore'),
    grantTrust: notOffered('GrantTrust'),
    removeTrust: notOffered('RemoveTrust'),
    getKeystoreStatus: notOffered('GetKeystoreStatus'),
    finalizeKeystoreSetup: notOffered('FinalizeKeystoreSetup'),
  };
}
