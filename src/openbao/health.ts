import { KeystoreError } from '../keystore/errors.ts';
import type { EndpointHealth, HealthState, KeystoreHealth } from '../keystore/keystore.ts';
import type { Answer } from './answer.ts';
import type { Clock } from './clock.ts';
import type { Cluster } from './cluster.ts';
import { budget } from './waiting.ts';

/** How long a probe may serve answers, in milliseconds. */
export const PROBE_LIFE_MS = 10_000;

// By the status of `sys/health`; its body's `standby` is true while sealed, so it is not asked.
const ROLES: Readonly<Record<number, EndpointHealth['role']>> = {
  200: 'active',
  429: 'standby',
  472: 'standby',
  473: 'standby',
  501: 'uninitialised',
  503: 'sealed',
};

const STATES: Readonly<Record<EndpointHealth['role'], HealthState>> = {
  active: 'ACTIVE',
  standby: 'ACTIVE',
  sealed: 'UNAVAILABLE',
  uninitialised: 'UNAVAILABLE',
  down: 'UNAVAILABLE',
};

/** Asks the servers of a cluster how they are: once for all who ask, and not again within {@link PROBE_LIFE_MS}. */
export class HealthProbe {
  readonly #cluster: () => Promise<Cluster>;
  readonly #clock: Clock;
  readonly #budgetMs: number;
  #last: { readonly health: KeystoreHealth; readonly at: number } | undefined;
  #running: Promise<KeystoreHealth> | undefined;

  constructor(options: { readonly cluster: () => Promise<Cluster>; readonly clock: Clock; readonly budgetMs: number }) {
    this.#cluster = options.cluster;
    this.#clock = options.clock;
    this.#budgetMs = options.budgetMs;
  }

  /** Rejects only when the cluster cannot be opened; a server that does not answer is `down`. */
  check(): Promise<KeystoreHealth> {
    if (this.#last !== undefined && this.#clock.now() - this.#last.at < PROBE_LIFE_MS) {
      return Promise.resolve(this.#last.health);
    }
    this.#running ??= this.#probe().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #probe(): Promise<KeystoreHealth> {
    const cluster = await this.#cluster();
    const at = this.#clock.now();
    const time = budget(this.#clock, this.#budgetMs, 'the health probe');
    try {
      const probes = await Promise.all(cluster.origins.map((origin) => probeOne(cluster, origin, time.signal)));
      const health = summarise(probes);
      this.#last = { health, at };
      return health;
    } finally {
      time.done();
    }
  }
}

interface Probe {
  readonly endpoint: EndpointHealth;
  readonly version: string;
}

async function probeOne(cluster: Cluster, origin: string, signal: AbortSignal): Promise<Probe> {
  const id = new URL(origin).host;
  try {
    const answer = await cluster.sendTo(origin, { verb: 'read', path: 'sys/health', namespace: '', signal });
    // Whatever else answers there is no server of the cluster.
    const role = typeof answer.body?.sealed === 'boolean' ? (ROLES[answer.status] ?? 'down') : 'down';
    return { endpoint: { id, role, state: STATES[role] }, version: readVersion(answer) };
  } catch (error) {
    if (!(error instanceof KeystoreError)) throw error;
    return { endpoint: { id, role: 'down', state: 'UNAVAILABLE' }, version: '' };
  }
}

function summarise(probes: readonly Probe[]): KeystoreHealth {
  const endpoints = probes.map(({ endpoint }) => endpoint);
  const usable = endpoints.filter(({ state }) => state === 'ACTIVE');
  const active = endpoints.some(({ role }) => role === 'active');
  const { state, reason } = judge(endpoints.length, usable.length, active);
  return {
    state,
    endpoints,
    providerVersion: probes.find(({ version }) => version !== '')?.version ?? '',
    checkedAt: new Date(),
    ...(reason === undefined ? {} : { reason }),
  };
}

function judge(all: number, usable: number, active: boolean): { state: HealthState; reason?: string } {
  if (usable === 0) return { state: 'UNAVAILABLE', reason: 'no server is unsealed and reachable' };
  if (usable < all) return { state: 'DEGRADED', reason: 'some servers are sealed or not reachable' };
  if (!active) return { state: 'DEGRADED', reason: 'no server says that it is the active one' };
  return { state: 'ACTIVE' };
}

function readVersion(answer: Answer): string {
  const version = answer.body?.version;
  return typeof version === 'string' && /^[\w.+-]{1,64}$/.test(version) ? version : '';
}
