import type { PluginConfiguration } from '../../config/configuration.ts';
import { KeystoreError } from '../../keystore/errors.ts';
import type {
  AccessData,
  GrantInput,
  KeystoreProvider,
  NewKeystore,
  ProviderLimits,
  ProvisionedKeystore,
} from '../../keystore/keystore-provider.ts';
import type { CallAccess, KeystoreCall } from '../../keystore/call.ts';
import type { Logger } from '../../logging/logger.ts';
import type { ReadValue } from '../auth/read-value.ts';
import { createCertificateReader } from '../client-certificate.ts';
import { type Clock, systemClock } from '../clock.ts';
import { createSessionSource } from '../open-session.ts';
import { enginePath, namespacePath } from '../paths.ts';
import { createTargetResolver } from '../target.ts';
import { readAuthorities } from './authorities.ts';
import { keystoreSteps } from './create-keystore.ts';
import { deleteKeystore } from './delete-keystore.ts';
import { grantedRole, newKeystoreName } from './names.ts';
import type { Operator } from './operator.ts';
import { type OperatorTurn, OperatorTurns } from './operator-turns.ts';
import { type KeystorePlace, Places, type ProviderConfiguration, unusable } from './place.ts';
import { type ProofOptions, proveCaller } from './prove-caller.ts';
import { revokeTokens } from './revoke-tokens.ts';
import { makeAll } from './steps.ts';
import { readSubject } from './subject.ts';
import { addTrust, takeTrust } from './trust.ts';

/** What a provider is made of. */
export interface OpenBaoProviderOptions {
  readonly configuration: PluginConfiguration;
  readonly provider: ProviderConfiguration;
  readonly log: Logger;
  /** Reads what a `SourceRef` of the configuration names. */
  readonly read: ReadValue;
  readonly clock?: Clock;
}

/** How long a change of trust goes on that its caller may no longer wait for, and an undoing, in milliseconds. */
const TRUST_TIME_MS = 30_000;
const UNDO_TIME_MS = 30_000;

/** Keystores on OpenBao: a namespace each, or mounts. Makes no connection before the first call. */
export class OpenBaoProvider implements KeystoreProvider {
  readonly limits: ProviderLimits;
  readonly #options: OpenBaoProviderOptions;
  readonly #places: Places;
  readonly #turns: OperatorTurns;
  readonly #proof: ProofOptions;

  constructor(options: OpenBaoProviderOptions) {
    const { clock = systemClock, configuration, log, provider, read } = options;
    const { limits } = configuration;
    this.limits = { changeBudgetMs: limits.changeBudgetMs, setupBudgetMs: provider.setupBudgetMs };
    this.#options = options;
    this.#places = new Places(configuration, provider);
    const readCertificate = createCertificateReader(limits.maxSessions);
    const targets = createTargetResolver(configuration, readCertificate);
    const open = createSessionSource({ configuration, read, clock, log });
    this.#turns = new OperatorTurns({ limits, target: targets.resolve({}), open, clock });
    this.#proof = { cluster: targets.configured, readCertificate, open };
  }

  async createKeystore(call: KeystoreCall): Promise<NewKeystore> {
    const { log, provider, read } = this.#options;
    const place = this.#places.named(newKeystoreName(provider.namePrefix));
    if (place === undefined) throw new Error('a name of our own is not recognised');
    return this.#setUp(call, place, async ({ extend, operator }) => {
      const authoritiesPem = await readAuthorities(read, provider.ca);
      const createdAt = new Date();
      const parts = { isolation: provider.isolation, tokens: provider, authoritiesPem, createdAt };
      await makeAll(keystoreSteps(place, parts), {
        actor: operator,
        caller: call.signal,
        undo: (work) => extend(UNDO_TIME_MS, work),
        onLeftOver: (what, error) => {
          const fields = { keystore: place.name, left_over: what, class: classOf(error) };
          log.error(fields, 'a part of a keystore that could not be made is left over');
        },
      });
      log.info({ keystore: place.name }, 'keystore made');
      return { ...this.#places.describe(place), createdAt };
    });
  }

  async deleteKeystore(call: KeystoreCall): Promise<void> {
    const { log, provider } = this.#options;
    // No certificate is asked for: a keystore that no tenant has taken yet has none.
    const { place } = this.#places.recognise(call.access, ['ROLES', 'MANAGEMENT']);
    await this.#setUp(call, place, async (turn) => {
      await deleteKeystore(turn, place, { isolation: provider.isolation, undoTimeMs: UNDO_TIME_MS, log });
      log.info({ keystore: place.name }, 'keystore deleted');
    });
  }

  async grantTrust(call: KeystoreCall, input: GrantInput): Promise<AccessData> {
    const { log, provider, read } = this.#options;
    const subject = readSubject(input);
    return this.#manageRoles(call, async (operator, place) => {
      const role = grantedRole(place.name, input);
      const authoritiesPem = await readAuthorities(read, provider.ca);
      const content = { kind: input.type, role, subject, authoritiesPem, tokens: provider };
      await addTrust(operator, place, content);
      log.info({ keystore: place.name, role, trust: input.type, common_name: subject.commonName }, 'trust granted');
      return this.#places.accessData(place, role);
    });
  }

  async removeTrust(call: KeystoreCall, granted: CallAccess): Promise<void> {
    const { log } = this.#options;
    const { place: holder, role } = this.#places.recognise(granted, ['MANAGEMENT', 'CRYPTO']);
    try {
      await this.#manageRoles(call, async (operator, place) => {
        if (place.name !== holder.name) throw unusable('CANNOT_PARSE_DATA', ['roleName']);
        await takeTrust(operator, place, role);
        await revokeTokens(operator, place, new Set([role]), log);
        log.info({ keystore: place.name, role }, 'trust removed');
      });
    } catch (error) {
      // The trust went with its keystore.
      if (classOf(error) !== 'keystore-not-found') throw error;
    }
  }

  async findKeystore(call: KeystoreCall, accountId: string): Promise<ProvisionedKeystore> {
    const place = this.#places.named(accountId);
    if (place === undefined) throw notFound();
    await this.#turns.read(call, (operator) => this.#requireKeystore(operator, place));
    return this.#places.describe(place);
  }

  quiesce(): void {
    this.#turns.quiesce();
  }

  async close(signal: AbortSignal = new AbortController().signal): Promise<void> {
    await this.#turns.close(signal);
  }

  // The time of the caller ends first: it decides whether a keystore that takes long is still wanted.
  #setUp<T>(call: KeystoreCall, { name }: KeystorePlace, work: (turn: OperatorTurn) => Promise<T>): Promise<T> {
    const timeMs = this.limits.setupBudgetMs + UNDO_TIME_MS;
    return this.#turns.change(call, { keystore: name, timeMs }, work);
  }

  // The certificate of the call proves that the caller may; then the operator does it, in that keystore alone.
  async #manageRoles<T>(
    call: KeystoreCall,
    work: (operator: Operator, place: KeystorePlace) => Promise<T>,
  ): Promise<T> {
    const { certificate } = call.access;
    const { place, role } = this.#places.recognise(call.access, ['ROLES']);
    if (certificate === undefined) throw unusable('MISSING_FIELDS', ['clientCert', 'privateKey']);
    return this.#turns.change(call, { keystore: place.name, timeMs: TRUST_TIME_MS }, async ({ operator, signal }) => {
      try {
        await proveCaller(this.#proof, { certificate, place, role }, signal);
      } catch (error) {
        // OpenBao refuses a login where there is nothing to log in to, too.
        if (REFUSALS.has(classOf(error))) await this.#requireKeystore(operator, place);
        throw error;
      }
      return work(operator, place);
    });
  }

  async #requireKeystore(operator: Operator, { name, transitMount }: KeystorePlace): Promise<void> {
    const { isolation } = this.#options.provider;
    const path = isolation === 'namespace' ? namespacePath(name) : enginePath(transitMount);
    if ((await operator.read(path)) !== undefined) return;
    if (await operator.isAtActiveNode()) throw notFound();
    await operator.settle();
    if ((await operator.read(path)) === undefined) throw notFound();
  }
}

const REFUSALS: ReadonlySet<string> = new Set(['login-refused', 'namespace-not-found']);

function classOf(error: unknown): string {
  return error instanceof KeystoreError ? error.class : 'internal';
}

function notFound(): KeystoreError {
  return new KeystoreError('keystore-not-found', 'the keystore does not exist');
}
