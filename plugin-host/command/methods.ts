import { keystoreContract, keystoreProviderContract } from '../../keystore-contract/host-contract.ts';
import * as crypto from '../../proto/gen/plugin/keystore/crypto/v1/crypto.ts';
import * as management from '../../proto/gen/plugin/keystore/management/v1/management.ts';
import * as operations from '../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import type { PluginContract } from '../contract.ts';

/** A generated message, as far as JSON is concerned. */
interface Message {
  fromJSON(object: unknown): object;
  toJSON(message: object): unknown;
}

/** A method of the keystore contract. */
export interface KeystoreMethod {
  /** `Encrypt` */
  readonly name: string;
  /** `/plugin.keystore.crypto.v1.KeystoreInstanceCryptoOperation/Encrypt` */
  readonly path: string;
  /** Of the plugins that serve it. */
  readonly contract: PluginContract;
  /** Where its typed client finds it: `crypto`, `encrypt`. */
  readonly service: string;
  readonly client: string;
  readonly request: Message;
  readonly response: Message;
}

const MESSAGES = { ...crypto, ...operations, ...management } as unknown as Readonly<Record<string, Message>>;

/** The contracts of keystore plugins. */
export const KEYSTORE_CONTRACTS: readonly PluginContract[] = [keystoreContract, keystoreProviderContract];

/** Every method that can be called, in the order of the contract. */
export const KEYSTORE_METHODS: readonly KeystoreMethod[] = KEYSTORE_CONTRACTS.flatMap((contract) =>
  Object.entries(contract.services).flatMap(([service, { definition }]) =>
    Object.entries(definition).map(([client, { path }]): KeystoreMethod => {
      const name = path.slice(path.lastIndexOf('/') + 1);
      const [request, response] = [MESSAGES[`${name}Request`], MESSAGES[`${name}Response`]];
      if (!request || !response) throw new Error(`${path} has no messages of its name`);
      return { name, path, contract, service, client, request, response };
    }),
  ),
);

/** Finds a method by `Encrypt`, `encrypt`, `crypto.encrypt` or its path, with or without the slash before it. */
export function findMethod(text: string): KeystoreMethod | undefined {
  return KEYSTORE_METHODS.find(({ name, client, service, path }) =>
    [name, client, `${service}.${client}`, path, path.slice(1)].includes(text),
  );
}

/** The message that a JSON text says, or the name of the first field that it does not have. */
export function readMessage(
  message: Message,
  json: unknown,
): { readonly value: object } | { readonly unknown: string } {
  const value = message.fromJSON(json);
  const unknown = unknownField(json, value, '');
  return unknown === undefined ? { value } : { unknown };
}

/** The generated code passes over what it does not know; a typing error must not do that. */
function unknownField(given: unknown, understood: unknown, path: string): string | undefined {
  if (!isPlain(given) || !isPlain(understood)) return undefined;
  for (const [name, member] of Object.entries(given)) {
    if (!Object.hasOwn(understood, name)) return `${path}${name}`;
    const inside = unknownField(member, understood[name], `${path}${name}.`);
    if (inside !== undefined) return inside;
  }
  return undefined;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
