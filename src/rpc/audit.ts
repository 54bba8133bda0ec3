import { createHash } from 'node:crypto';

import { status } from '@grpc/grpc-js';

import type { HclogLevel } from '../../plugin-protocol/hclog.ts';
import type { PluginConfiguration } from '../config/configuration.ts';
import type { CallTrace } from '../keystore/call.ts';

type Settings = PluginConfiguration['audit'];

/** What a record tells of one call. */
export interface AuditFacts {
  readonly rpc: string;
  readonly outcome: string;
  readonly code: status;
  /** Of a failure. */
  readonly reason?: string | undefined;
  readonly keyName?: string | undefined;
  readonly keyVersion?: string | undefined;
  /** What the caller calls this call. */
  readonly correlationId?: string | undefined;
  /** W3C trace id of the caller. */
  readonly traceId?: string | undefined;
  readonly trace: CallTrace;
  readonly durationMs: number;
  /** What else the log line of the call would have. */
  readonly more: Readonly<Record<string, unknown>>;
}

const SEVERITY: readonly HclogLevel[] = ['trace', 'debug', 'info', 'warn', 'error'];

/** Hexadecimal digits of a hash: enough to compare by, and nothing to guess from. */
const HASH_LENGTH = 16;

/** Makes the audit records of one configuration. */
export class Audit {
  readonly #settings: Settings;
  readonly #level: HclogLevel;

  private constructor(settings: Settings, level: HclogLevel) {
    this.#settings = settings;
    this.#level = level;
  }

  /** Undefined where no records are wanted: then a call pays nothing for them. */
  static of(settings: Settings): Audit | undefined {
    return settings.level === 'none' ? undefined : new Audit(settings, settings.level);
  }

  /** The level of a record whose log line would have another one. */
  levelOf(level: Exclude<HclogLevel, 'trace'>): Exclude<HclogLevel, 'trace'> {
    return SEVERITY.indexOf(level) > SEVERITY.indexOf(this.#level) ? level : (this.#level as typeof level);
  }

  /** The fields of a record. Names, numbers and hashes: no value of any request or answer. */
  record(facts: AuditFacts): Record<string, unknown> {
    const { trace } = facts;
    return {
      rpc: facts.rpc,
      outcome: facts.outcome,
      grpc_code: status[facts.code],
      reason: facts.reason,
      tenant_ref: this.#tenantOf(trace),
      keystore_ref: this.#keystoreOf(trace),
      key_name: this.#nameOf(facts.keyName),
      key_version: facts.keyVersion,
      correlation_id: facts.correlationId,
      trace_id: facts.traceId,
      bao_request_id: trace.openbaoRequestIds.length === 0 ? undefined : trace.openbaoRequestIds.join(' '),
      ...(this.#settings.detail === 'full' && this.#actorOf(trace)),
      ...this.#named(facts.more),
      attempt: trace.attempts ?? 0,
      duration_ms: facts.durationMs,
    };
  }

  #actorOf({ path, place, tokenAccessor }: CallTrace): Record<string, unknown> {
    return {
      bao_address: place?.cluster.origins.join(' '),
      bao_namespace: place?.namespace,
      bao_path: this.#settings.keyNames === 'plain' ? path : withoutName(path),
      auth_method: place?.identity.method,
      auth_mount: place?.identity.mount,
      auth_role: place?.identity.roleName,
      token_accessor: tokenAccessor === undefined ? undefined : this.#hash('accessor', tokenAccessor),
    };
  }

  // The path of a right that was missing names the key, too.
  #named(more: AuditFacts['more']): AuditFacts['more'] {
    const { path } = more;
    const hide = this.#settings.keyNames === 'hashed' && typeof path === 'string';
    return hide ? { ...more, path: withoutName(path) } : more;
  }

  #nameOf(name: string | undefined): string | undefined {
    return name === undefined || this.#settings.keyNames === 'plain' ? name : this.#hash('key', name);
  }

  /** A tenant is known by its certificate, which is no secret. */
  #tenantOf({ place }: CallTrace): string | undefined {
    const certificate = place?.identity.certificate;
    return certificate === undefined ? undefined : this.#hash('tenant', certificate.chainPem);
  }

  #keystoreOf({ place }: CallTrace): string | undefined {
    if (place === undefined) return undefined;
    const { cluster, namespace, transitMount } = place;
    return this.#hash('keystore', JSON.stringify([cluster.origins, namespace, transitMount]));
  }

  #hash(kind: string, text: string): string {
    const { salt } = this.#settings;
    return createHash('sha256').update(`${kind}\0${salt}\0${text}`).digest('hex').slice(0, HASH_LENGTH);
  }
}

/** The audit of the configuration in force; nothing before the first one. */
export interface AuditSwitch {
  current: Audit | undefined;
}

/** The path up to the name of a key. */
function withoutName(path: string | undefined): string | undefined {
  return path?.replace(/\/(keys|encrypt|decrypt|rewrap|data)\/.*$/, '/$1');
}
