import { setTimeout } from 'node:timers/promises';

import { stringify } from 'yaml';

import { SERVICE_DEFINITIONS } from '../../../../keystore-contract/plugin-types.ts';
import { TransitKeystore } from '../../../../src/openbao/transit-keystore.ts';
import type { FindAddresses } from '../../../../src/openbao/transport.ts';
import { createValueReader } from '../../../../src/openbao/value-reader.ts';
import { type InProcessPlugin, startInProcessPlugin } from '../../../support/in-process-plugin.ts';
import { createAuthority, type Identity } from '../../../support/pki.ts';
import type { Method, Refusal } from '../../../support/plugin-connection.ts';
import { type AddressTrap, setAddressTrap } from './address-trap.ts';

const { config, cryptoOperation, keyOperation } = SERVICE_DEFINITIONS;

/** The methods that take access data, of either face; `ok` where one was not refused. */
export interface Outcomes {
  readonly GetKey: Refusal | 'ok';
  readonly DisableKey: Refusal | 'ok';
  readonly GetKeyStatus: Refusal | 'ok';
  readonly Encrypt: Refusal | 'ok';
  readonly CheckHealth: Refusal | 'ok';
  readonly 'deep CheckHealth': Refusal | 'ok';
  readonly ValidateKeyAccessData: Refusal | 'ok';
  /** How many regions were passed on. */
  readonly TransformCryptoAccessData: number;
}

/** A plugin beside a trap, with a resolver of its own. */
export interface AddressStage extends AsyncDisposable {
  readonly trap: AddressTrap;
  readonly plugin: InProcessPlugin;
  /** The tenant whose certificate the calls bring. */
  readonly tenant: Identity;
  /** What names resolve to, an answer after the other and then the last one again. */
  readonly names: Map<string, string[][]>;
  /** The names that were asked for. */
  readonly asked: readonly string[];
  configure(yaml: object): Promise<void>;
  /** Every call that takes access data, with an address. */
  callAll(address: string): Promise<Outcomes>;
}

export async function openAddressStage(): Promise<AddressStage> {
  const trap = await setAddressTrap();
  const tenant = await (await createAuthority()).issue({ commonName: 'tenant' });
  const names = new Map<string, string[][]>();
  const asked: string[] = [];
  const findAddresses: FindAddresses = (name, _options, callback) => {
    asked.push(name);
    const answers = names.get(name) ?? [[]];
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    const found = answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    const error = found.length === 0 ? Object.assign(new Error('not found'), { code: 'ENOTFOUND' }) : null;
    process.nextTick(callback, error, found);
  };
  const plugin = await startInProcessPlugin({
    openKeystore: (configuration, log) =>
      Promise.resolve(new TransitKeystore({ configuration, log, read: createValueReader(log), findAddresses })),
  });
  const attempt = <Request>(method: Method<Request, unknown>, request: Request): Promise<Refusal | 'ok'> =>
    plugin.refusal(method, request).catch(() => 'ok' as const);

  return {
    trap,
    plugin,
    tenant,
    names,
    asked,
    async configure(yaml) {
      await plugin.call(config.configure, { yamlConfiguration: stringify({ development: true, ...yaml }) });
    },
    async callAll(address) {
      const values = { address, clientCert: tenant.certificatePem, privateKey: tenant.privateKeyPem };
      const parameters = { keyId: 'k', config: { values } };
      const regions = { eu: { address } };
      const outcomes = {
        GetKey: await attempt(keyOperation.getKey, { parameters }),
        DisableKey: await attempt(keyOperation.disableKey, { parameters }),
        GetKeyStatus: await attempt(cryptoOperation.getKeyStatus, { parameters, requestId: 'r' }),
        Encrypt: await attempt(cryptoOperation.encrypt, { parameters, plaintext: Buffer.from('p') }),
        CheckHealth: await attempt(cryptoOperation.checkHealth, { config: { values }, deep: false }),
        'deep CheckHealth': await attempt(cryptoOperation.checkHealth, { config: { values }, deep: true }),
        ValidateKeyAccessData: await attempt(keyOperation.validateKeyAccessData, {
          management: { address },
          crypto: regions,
        }),
        TransformCryptoAccessData: await plugin
          .call(keyOperation.transformCryptoAccessData, {
            nativeKeyId: 'k',
            accessData: Buffer.from(JSON.stringify(regions)),
          })
          .then(({ transformedAccessData }) => transformedAccessData.size),
      };
      // Whatever was begun behind a call has come by then.
      await setTimeout(5);
      return outcomes;
    },
    async [Symbol.asyncDispose]() {
      await plugin[Symbol.asyncDispose]();
      await trap[Symbol.asyncDispose]();
    },
  };
}
