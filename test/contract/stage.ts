import { inspect } from 'node:util';

import { Metadata, type ServiceError } from '@grpc/grpc-js';

import { type PluginType, SERVICE_DEFINITIONS } from '../../keystore-contract/plugin-types.ts';
import type { EncryptRequest } from '../../proto/gen/plugin/keystore/crypto/v1/crypto.ts';
import type { RequestParameters } from '../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { administer, writePolicy } from '../../scripts/openbao/setup.ts';
import { type AuthMethod, CUSTOMER_ROLE, type Customer, startCustomer } from '../support/customer.ts';
import type { Method, PluginConnection, Refusal } from '../support/plugin-connection.ts';

/** A plugin that serves, connected to as a host is, and what it has logged. */
export interface ConnectedPlugin extends Pick<PluginConnection, 'call' | 'refusal'>, AsyncDisposable {
  logLines(): readonly string[];
}

/** Brings up a plugin of a type, not configured yet. */
export type Connect = (type: PluginType) => Promise<ConnectedPlugin>;

export const { bootstrap, config, keyOperation, cryptoOperation, provider } = SERVICE_DEFINITIONS;

/** Every method of every service of the contract, by its path. */
export const METHODS = Object.values(SERVICE_DEFINITIONS).flatMap(
  (definition) => Object.values(definition) as Method<never, unknown>[],
);

/** What must be seen nowhere but in answers that succeed. */
export const CANARY = 'CANARY-PLAINTEXT-0123456789';

/** The plugin beside a customer's OpenBao, under one configuration at a time. */
export interface Stage {
  readonly customer: Customer;
  readonly plugin: ConnectedPlugin;
  /** The method that the configuration in force uses. */
  readonly method: AuthMethod;
  /** Configures the plugin for a method; `changes` are laid over the top level. */
  configure(method: AuthMethod, changes?: Record<string, unknown>): Promise<void>;
  /** Key id and access data of a request; `values` are laid over the access data. */
  parameters(keyId: string, values?: Record<string, unknown>): RequestParameters;
  encrypt(keyId: string, changes?: Partial<EncryptRequest>): Promise<{ ciphertext: Buffer; keyVersionId: string }>;
  decrypt(
    keyId: string,
    ciphertext: Buffer,
    associatedData?: Buffer,
  ): Promise<{ plaintext: Buffer; keyVersionId: string }>;
  /** Adds lines to the policy of the customer's identities; they count for their very next requests. */
  addPolicy(hcl: string): Promise<void>;
  /** One call, whose failure is kept for the search for secrets. */
  call: PluginConnection['call'];
  /** One call that must fail. */
  refusal: PluginConnection['refusal'];
  /** Fields of the log lines of calls that are newer than the last question. */
  newCalls(): Record<string, unknown>[];
  /** All that `refusal` has seen, as JSON. */
  refusals(): readonly string[];
  /** Everything that a stranger may see: log lines, and errors in every form of printing. */
  visible(): string;
}

/** A stage for the tests of a `describe`; it is there from `beforeAll` on. */
export function useStage(connect: Connect): Stage {
  let customer: Customer | undefined;
  let plugin: ConnectedPlugin | undefined;
  let method: AuthMethod = 'callCertificate';
  let read = 0;
  const errors: string[] = [];
  const refusals: string[] = [];

  beforeAll(async () => {
    [customer, plugin] = await Promise.all([startCustomer(), connect('KeystoreInstanceKeyOperation')]);
  });
  afterAll(async () => {
    await plugin?.[Symbol.asyncDispose]();
    await customer?.[Symbol.asyncDispose]();
  });

  const stage: Stage = {
    get customer() {
      return customer!;
    },
    get plugin() {
      return plugin!;
    },
    get method() {
      return method;
    },
    async configure(chosen, changes) {
      method = chosen;
      await stage.call(config.configure, { yamlConfiguration: stage.customer.yaml(chosen, changes) });
    },
    parameters: (keyId, values) => ({ keyId, config: { values: stage.customer.values(method, values) } }),
    encrypt: (keyId, changes) =>
      stage.call(cryptoOperation.encrypt, {
        parameters: stage.parameters(keyId),
        plaintext: Buffer.from(CANARY),
        ...changes,
      }),
    decrypt: (keyId, ciphertext, associatedData) =>
      stage.call(cryptoOperation.decrypt, { parameters: stage.parameters(keyId), ciphertext, associatedData }),
    async addPolicy(hcl) {
      const { bao } = stage.customer;
      const { policy } = await administer(bao, 'GET', `sys/policies/acl/${CUSTOMER_ROLE}`);
      await writePolicy(bao, CUSTOMER_ROLE, `${String(policy)}\n${hcl}`);
    },
    call: (called, request, options) =>
      stage.plugin.call(called, request, options).catch((error: unknown) => {
        errors.push(...printed(error as ServiceError));
        throw error;
      }),
    async refusal(called, request) {
      const refusal: Refusal = await stage.plugin.refusal(called, request);
      refusals.push(JSON.stringify(refusal));
      return refusal;
    },
    newCalls() {
      const lines = stage.plugin.logLines().slice(read);
      read += lines.length;
      return lines
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter((entry) => entry['@message'] === 'call');
    },
    refusals: () => refusals,
    visible: () => [...stage.plugin.logLines(), ...errors, ...refusals].join('\n'),
  };
  return stage;
}

function printed(error: ServiceError): string[] {
  const trailers = error.metadata instanceof Metadata ? Object.values(error.metadata.getMap()) : [];
  return [
    String(error),
    JSON.stringify(error),
    inspect(error, { depth: 9 }),
    ...trailers.map((value) => value.toString('latin1')),
  ];
}
