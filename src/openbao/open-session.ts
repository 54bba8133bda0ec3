import type { PluginConfiguration } from '../config/configuration.ts';
import { Secret } from '../config/secret.ts';
import { KeystoreError } from '../keystore/errors.ts';
import type { Logger } from '../logging/logger.ts';
import type { LoginMethod } from './auth/login-method.ts';
import { openLoginMethod } from './auth/open-login-method.ts';
import { type ReadValue, readCredential } from './auth/read-value.ts';
import { type ClientCertificate, createCertificateReader } from './client-certificate.ts';
import type { Clock } from './clock.ts';
import { createClusterSource } from './cluster-source.ts';
import { LoginGate } from './login-gate.ts';
import { Session } from './session.ts';
import type { Target } from './target.ts';
import { delay } from './waiting.ts';
import type { FindAddresses } from './transport.ts';

export interface SessionSourceOptions {
  readonly configuration: PluginConfiguration;
  readonly read: ReadValue;
  readonly clock: Clock;
  readonly log: Logger;
  readonly findAddresses?: FindAddresses;
}

/** Opens the session of a target; the caller closes it. */
export type OpenSession = (target: Target, log?: Logger) => Session;

/**
 * Opens sessions. What is known of the identity of the process outlives them: which credential was refused, and what was
 * handed over only once.
 */
export function createSessionSource(options: SessionSourceOptions): OpenSession {
  const { clock, configuration, findAddresses, log, read } = options;
  const { auth, limits } = configuration;
  const readCertificate = certificateSource(auth, read, clock);
  let own: { readonly method: LoginMethod; readonly refusals: LoginGate } | undefined;

  const loginOf = ({ identity }: Target): { readonly method: LoginMethod; readonly refusals: LoginGate } => {
    const open = () => {
      const method = openLoginMethod(identity, auth, { read, readCertificate });
      return { method, refusals: new LoginGate(method.rest, clock) };
    };
    return identity.method === 'callCertificate' ? open() : (own ??= open());
  };

  return (target, sessionLog = log) => {
    const { cluster, identity, namespace } = target;
    const certificate =
      identity.method === 'callCertificate'
        ? () => Promise.resolve(identity.certificate)
        : identity.method === 'cert'
          ? readCertificate
          : undefined;
    return new Session({
      ...loginOf(target),
      cluster: createClusterSource({
        target: cluster,
        limits,
        read,
        ...(findAddresses && { findAddresses }),
        ...(certificate && { certificate }),
      }),
      namespace,
      loginBudgetMs: limits.loginBudgetMs,
      clock,
      log: sessionLog,
    });
  };
}

// Certificate and key are two files that are replaced one after the other, so for a moment they may not match.
const MAX_READS = 5;
const READ_PAUSE_MS = 20;

function certificateSource(
  auth: PluginConfiguration['auth'],
  read: ReadValue,
  clock: Clock,
): () => Promise<ClientCertificate> {
  const check = createCertificateReader(2);
  const readPair = async (): Promise<ClientCertificate | undefined> => {
    if (auth.method !== 'cert') throw new Error('the process has no certificate');
    const certificateChainPem = await readCredential(read, auth.certificate, 'public');
    const privateKeyPem = new Secret(await readCredential(read, auth.key));
    try {
      return check({ certificateChainPem, privateKeyPem });
    } catch {
      return undefined;
    }
  };
  return async () => {
    for (let reads = 1; reads <= MAX_READS; reads += 1) {
      const certificate = await readPair();
      if (certificate !== undefined) return certificate;
      await delay(clock, READ_PAUSE_MS, NEVER);
    }
    const why = 'the certificate of the plugin and its key cannot be used together';
    throw new KeystoreError('credential-unreadable', why, { cause: 'mismatch' });
  };
}

const NEVER = new AbortController().signal;
