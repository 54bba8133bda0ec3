import type { Clock } from '../../../../src/openbao/clock.ts';
import type { Random } from './random.ts';
import { MAX_TTL_MS, type SimulatedOpenBao, TTL_MS } from './simulated-openbao.ts';
import type { Timeline } from './timeline.ts';
import { BAD_WEATHER } from './weather.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** All that goes wrong with the server of one identity, by itself and at random. */
export interface Troubles {
  /** What the file of the secret id holds. */
  readonly secretId: string;
  /** Whether the secret id in the file is good. */
  readonly credentialIsGood: boolean;
  /** When each trouble was last seen to go; -Infinity before the first one. */
  readonly gone: Readonly<Record<'weather' | 'policy' | 'credential', number>>;
  /** How many logins the events so far explain, those of weather in which answers are lost apart. */
  readonly loginsExplained: number;
}

export function letTroublesCome(
  clock: Clock,
  random: Random,
  { every, episodes }: Timeline,
  server: SimulatedOpenBao,
): Troubles {
  const beganAt = clock.now();
  const gone = { weather: -Infinity, policy: -Infinity, credential: -Infinity };
  let secretId = 'secret-0';
  let ofTroubles = 0;
  server.secretIds.add(secretId);
  const credentialIsGood = (): boolean => server.secretIds.has(secretId);

  episodes(2 * HOUR, [5 * SECOND, 20 * MINUTE], () => {
    // A refusal whose answer is lost counts at the server and is unknown to the client: nothing is promised for that.
    if (!credentialIsGood()) return undefined;
    server.weather = random.pick(BAD_WEATHER);
    return () => {
      server.weather = 'clear';
      gone.weather = clock.now();
    };
  });
  episodes(4 * HOUR, [10 * MINUTE, 2 * HOUR], (lengthMs) => {
    server.renewals = random.pick(['empty', 'shrinking', 'not renewable', 'past the maximum', 'role is gone'] as const);
    // Each care for the token, at two thirds of its lease less a tenth, is a login.
    ofTroubles += 1 + Math.ceil(lengthMs / (TTL_MS * 0.6));
    return () => {
      server.renewals = 'granting';
    };
  });
  episodes(8 * HOUR, [10 * SECOND, 30 * MINUTE], (lengthMs) => {
    server.policy = random.pick(['missing on the role', 'denied'] as const);
    // One in five minutes, and the one that finds it repaired.
    ofTroubles += 2 + Math.ceil(lengthMs / (5 * MINUTE));
    return () => {
      server.policy = 'granted';
      gone.policy = clock.now();
    };
  });
  // The old secret id is destroyed a while before the new one is in the file.
  episodes(12 * HOUR, [0, 2 * MINUTE], () => {
    if (server.weather !== 'clear') return undefined;
    server.secretIds.clear();
    return () => {
      secretId = `secret-${random.next()}`;
      server.secretIds.add(secretId);
      gone.credential = clock.now();
    };
  });
  every(5 * HOUR, () => {
    server.revokeAll();
    ofTroubles += 1;
  });

  return {
    gone,
    get secretId() {
      return secretId;
    },
    get credentialIsGood() {
      return credentialIsGood();
    },
    get loginsExplained() {
      const lives = (clock.now() - beganAt) / (MAX_TTL_MS - TTL_MS);
      return 1 + Math.ceil(lives) + ofTroubles;
    },
  };
}
