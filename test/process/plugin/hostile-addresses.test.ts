import { lookup } from 'node:dns/promises';
import { hostname, networkInterfaces } from 'node:os';

import { status } from '@grpc/grpc-js';
import { stringify } from 'yaml';

import { SERVICE_DEFINITIONS } from '../../../keystore-contract/plugin-types.ts';
import { isPrivateAddress, parseAddress } from '../../../src/config/address-rules.ts';
import { createAuthority, type Identity } from '../../support/pki.ts';
import { type ServingPlugin, startPlugin } from '../../support/plugin-process.ts';
import { type AddressTrap, setAddressTrap } from '../../unit/openbao/identity/address-trap.ts';
import { MALFORMED, NOT_LISTED, NOT_PUBLIC } from '../../unit/openbao/identity/hostile-addresses.ts';

const { config, cryptoOperation, keyOperation } = SERVICE_DEFINITIONS;

let trap: AddressTrap;
let plugin: ServingPlugin;
let tenant: Identity;

beforeAll(async () => {
  [trap, plugin] = [await setAddressTrap(), await startPlugin()];
  tenant = await (await createAuthority()).issue({ commonName: 'tenant' });
});
afterAll(async () => {
  await plugin.stop();
  await trap[Symbol.asyncDispose]();
});

const here = (address: string): string => address.replaceAll('PORT', String(trap.port));
const configure = (entries: readonly object[]) =>
  plugin.call(config.configure, {
    yamlConfiguration: stringify({ development: true, openbao: { allowedAddresses: entries } }),
  });
const requestFor = (address: string) => {
  const values = { address, clientCert: tenant.certificatePem, privateKey: tenant.privateKeyPem };
  return { parameters: { keyId: 'k', config: { values } } };
};

/** This machine by the names that its resolver knows, where they lead to an address that is not public. */
async function ownNames(): Promise<string[]> {
  const found = ['localhost', 'ip6-localhost', hostname().toLowerCase()].map(async (name) => {
    const url = `https://${name}:8200`;
    const addresses = parseAddress(url) === undefined ? [] : await lookup(name, { all: true }).catch(() => []);
    const own = new Set(Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address)));
    return addresses.some(({ address }) => own.has(address) && isPrivateAddress(address)) ? [name] : [];
  });
  return (await Promise.all(found)).flat();
}

it('R-CONF-18 R-CONF-19 R-CONF-20 the executable reaches no hostile address, whatever entries there are and whatever names the resolver knows', async () => {
  const names = await ownNames();
  expect(names).toContain('localhost');
  const urls = [...NOT_PUBLIC.map((ip) => (ip.includes(':') ? `[${ip}]` : ip)), ...names].map(
    (host) => `https://${host}:PORT`,
  );
  await configure(urls.map((url) => ({ pattern: here(url) })));
  for (const url of [...urls, ...MALFORMED, ...NOT_LISTED]) {
    const request = requestFor(here(url));
    for (const refusal of [
      await plugin.refusal(keyOperation.getKey, request),
      await plugin.refusal(cryptoOperation.encrypt, { ...request, plaintext: Buffer.from('p') }),
    ]) {
      expect([url, refusal]).toMatchObject([url, { code: status.INVALID_ARGUMENT, reason: 'CANNOT_PARSE_DATA' }]);
    }
  }
  expect(trap.reached).toBe(0);
  // With the operator's leave it is, so the trap is set.
  await configure(names.map((name) => ({ pattern: here(`https://${name}:PORT`), privateAddresses: true })));
  for (const name of names) {
    const before = trap.reached;
    await plugin.refusal(keyOperation.getKey, requestFor(here(`https://${name}:PORT`)));
    expect([name, trap.reached]).not.toEqual([name, before]);
  }
});
