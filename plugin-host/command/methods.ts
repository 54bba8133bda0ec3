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

/** The message that a JSON object says, or what is wrong with it; never a value. */
export function readMessage(message: Message, json: object): { readonly value: object } | { readonly problem: string } {
  let value: object;
  try {
    value = message.fromJSON(json);
  } catch {
    return { problem: 'a field has a value of the wrong kind' };
  }
  const problem = difference(json, value, message.toJSON(value), '');
  return problem === undefined ? { value } : { problem };
}

/** The generated code passes over what it does not know or cannot use; a typing error must not do that. */
function difference(given: unknown, understood: unknown, said: unknown, path: string): string | undefined {
  if (given === null || given === undefined) return undefined;
  if (Buffer.isBuffer(understood)) return isBase64(given) ? undefined : `${path} is no base64`;
  if (Array.isArray(understood)) {
    if (!Array.isArray(given)) return `${path} must be a list`;
    return first(given, (one, index) => difference(one, understood[index], at(said, index), `${path}[${index}]`));
  }
  if (isPlain(understood)) {
    if (!isPlain(given)) return `${path} must be an object`;
    return first(Object.entries(given), ([name, member]) => {
      const inside = path === '' ? name : `${path}.${name}`;
      if (!Object.hasOwn(understood, name)) return `there is no field ${inside}`;
      return difference(member, understood[name], at(said, name), inside);
    });
  }
  if (said === 'UNRECOGNIZED') return `${path} has no such value`;
  if (typeof given === 'object') return `${path} must be a plain value`;
  return undefined;
}

function first<Item>(
  items: readonly Item[],
  judge: (item: Item, index: number) => string | undefined,
): string | undefined {
  for (const [index, item] of items.entries()) {
    const found = judge(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

function at(value: unknown, key: string | number): unknown {
  return (value as Readonly<Record<string | number, unknown>> | undefined)?.[key];
}

function isBase64(value: unknown): boolean {
  return typeof value === 'string' && /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value);
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
