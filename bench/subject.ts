import { SERVICE_NAMES } from '../keystore-contract/plugin-types.ts';
import { createKey } from '../scripts/openbao/setup.ts';
import { builtPlugin } from '../test/support/built-plugin.ts';
import { CUSTOMER_ROLE, startCustomer, type Customer } from '../test/support/customer.ts';
import type { Call } from '../test/support/go-answers.ts';
import type { StartOptions } from '../test/support/go-host.ts';
import type { DirectRequest } from './load-program.ts';

/** What is measured: one encrypt of 32 bytes, through the plugin and directly, with the same rights. */
export interface Subject extends AsyncDisposable {
  readonly plugin: StartOptions;
  readonly configure: Call;
  readonly encrypt: Call;
  readonly direct: DirectRequest;
}

const KEY = 'bench';
const PLAINTEXT = Buffer.alloc(32, 7).toString('base64');

/** Starts an OpenBao of its own, which disposing stops. */
export async function openSubject(): Promise<Subject> {
  const customer = await startCustomer();
  try {
    const { bao } = customer;
    await createKey(bao, { key: KEY });
    return {
      plugin: { path: builtPlugin(), type: 'KeystoreInstanceKeyOperation' },
      configure: {
        method: `${SERVICE_NAMES.config}/Configure`,
        request: { yamlConfiguration: customer.yaml('approle') },
      },
      encrypt: {
        method: `${SERVICE_NAMES.cryptoOperation}/Encrypt`,
        request: { parameters: { keyId: KEY, config: { values: {} } }, plaintext: PLAINTEXT },
      },
      direct: {
        url: `${bao.address}/v1/transit/encrypt/${KEY}`,
        caFile: bao.caFile,
        token: await logIn(customer),
        body: JSON.stringify({ plaintext: PLAINTEXT }),
      },
      [Symbol.asyncDispose]: () => customer[Symbol.asyncDispose](),
    };
  } catch (error) {
    await customer[Symbol.asyncDispose]();
    throw error;
  }
}

async function logIn({ bao, identity }: Customer): Promise<string> {
  const { certificatePem: certificate, privateKeyPem: key } = identity;
  const login = { token: '', certificate, key };
  const answer = await bao.request('POST', 'auth/cert/login', { name: CUSTOMER_ROLE }, login);
  return (answer.body as { auth: { client_token: string } }).auth.client_token;
}
