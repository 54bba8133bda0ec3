import type { Answer } from '../../../../src/openbao/answer.ts';
import type { Random } from './random.ts';

/** What becomes of a request on its way. */
export interface Passage {
  /** When the client hears of it; Infinity for never. */
  readonly afterMs: number;
  /** Absent when the connection ends instead. */
  readonly answer?: Answer;
}

export type WeatherName =
  'clear' | 'down' | 'silent' | 'slow' | 'sealed' | 'failing' | 'limiting' | 'leaderless' | 'losing' | 'fitful';

/** Decides over a request; `carryOut` is what the server does with it when it reaches it. */
type Pass = (carryOut: () => Answer, random: Random) => Passage;

/** OpenBao's answer in its own error shape. */
export function refusal(status: number, ...errors: string[]): Answer {
  return { status, body: { errors }, foreignBody: false };
}

const quick = (random: Random): number => random.between(1, 20);
const always =
  (answer: Answer): Pass =>
  (_carryOut, random) => ({ afterMs: quick(random), answer });

const FITS: readonly WeatherName[] = ['clear', 'down', 'sealed', 'failing', 'limiting'];

/** States of the server and of the network before it. */
export const WEATHER: Readonly<Record<WeatherName, Pass>> = {
  clear: (carryOut, random) => ({ afterMs: quick(random), answer: carryOut() }),
  down: (_carryOut, random) => ({ afterMs: quick(random) }),
  silent: () => ({ afterMs: Infinity }),
  slow: (carryOut, random) => ({ afterMs: random.between(300, 8000), answer: carryOut() }),
  sealed: always(refusal(503, 'Vault is sealed')),
  failing: always(refusal(500, '1 error occurred:\n\t* internal error\n\n')),
  limiting: always(refusal(429, 'request path "auth/approle/login": rate limit quota exceeded')),
  leaderless: always(refusal(500, 'local node not active but active cluster node not found')),
  // Carried out, and half of the answers are lost.
  losing(carryOut, random) {
    const answer = carryOut();
    return random.next() < 0.5 ? { afterMs: quick(random) } : { afterMs: quick(random), answer };
  },
  // Every request may find another fault or none.
  fitful: (carryOut, random) => WEATHER[random.pick(FITS)](carryOut, random),
};

export const BAD_WEATHER = (Object.keys(WEATHER) as WeatherName[]).filter((name) => name !== 'clear');

/** Weather in which a login may be carried out whose answer nobody gets. */
export const LOSES_ANSWERS: ReadonlySet<WeatherName> = new Set(['losing', 'slow']);
