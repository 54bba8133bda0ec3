import { ManualClock } from '../../../support/manual-clock.ts';
import { appRole, LOGIN_BUDGET_MS, openIdentity } from './identity.ts';
import { passTime } from './pass-time.ts';
import { createRandom } from './random.ts';
import { type SimulatedOpenBao, simulateOpenBao } from './simulated-openbao.ts';
import { createTimeline } from './timeline.ts';
import { letTroublesCome, type Troubles } from './troubles.ts';
import { LOSES_ANSWERS } from './weather.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const TWO_DAYS = 48 * HOUR;
// A look at the token and a login may both have been begun in the last moment of a trouble, and 10 s pass between looks.
const AFTERMATH_MS = 2 * LOGIN_BUDGET_MS + 10_000;
// A role that has its policy back is noticed by the next fresh login.
const POLICY_AFTERMATH_MS = 5 * MINUTE + 10_000;

/** What two days were like. */
export interface TwoDays {
  /** What must not have happened, in words; empty when all is well. */
  readonly wrong: readonly string[];
  readonly calls: number;
  readonly failedCalls: number;
  /** Those apart that were carried out while answers got lost. */
  readonly logins: number;
}

/** Two days of one identity, with everything that can go wrong drawn from the seed. */
export async function liveTwoDays(seed: number): Promise<TwoDays> {
  const random = createRandom(seed);
  const clock = new ManualClock();
  const timeline = createTimeline(clock, random);
  const server = simulateOpenBao(clock, random);
  const troubles = letTroublesCome(clock, random, timeline, server);
  const identity = openIdentity(
    clock,
    server,
    appRole(() => troubles.secretId),
  );
  const beganAt = clock.now();
  const wrong: string[] = [];
  const explain = createJudge(clock, server, troubles);
  let [calls, failedCalls] = [0, 0];

  async function call(): Promise<void> {
    const startedAt = clock.now();
    const judge = explain();
    const outcome = await identity.use();
    calls += 1;
    if (outcome !== 'ok') failedCalls += 1;
    if (!judge(outcome)) wrong.push(`${outcome} at hour ${((startedAt - beganAt) / HOUR).toFixed(3)}`);
  }
  timeline.every(random.pick([2, 4, 30, 180]) * MINUTE, () => {
    for (let callers = random.pick([1, 1, 1, 2, 8]); callers > 0; callers -= 1) void call();
  });

  await passTime(clock, random, () => clock.now() >= beganAt + TWO_DAYS);
  timeline.stop();
  const { loginsExplained } = troubles;
  await identity.close(random);

  if (clock.pending.length > 0) wrong.push(`timers are left: ${clock.pending.join()}`);
  if (server.underWay > 0) wrong.push(`${server.underWay} requests are left`);
  if (server.lock.shutAt.length > 0) wrong.push('the role was locked');
  const logins = server.issued.filter(({ weather }) => !LOSES_ANSWERS.has(weather)).length;
  if (logins > loginsExplained) wrong.push(`${logins} logins for ${loginsExplained} reasons`);
  return { wrong, calls, failedCalls, logins };
}

/** Judges calls: asked when one begins, and again when it ends, whether its outcome has a cause. */
function createJudge(clock: ManualClock, server: SimulatedOpenBao, troubles: Troubles) {
  const { gone } = troubles;
  let lastOkAt = -Infinity;

  return () => {
    const startedAt = clock.now();
    const since = (time: number): number => startedAt - time;
    const wasRough = server.weather !== 'clear' || since(gone.weather) <= AFTERMATH_MS;
    return (outcome: string): boolean => {
      const isRough = wasRough || server.weather !== 'clear' || gone.weather >= startedAt;
      const lacksPolicy = server.policy !== 'granted' || since(gone.policy) <= POLICY_AFTERMATH_MS;
      // The token at hand may be one that was issued without it, and never used since.
      const mayLackPolicy = gone.policy > lastOkAt;
      const badCredential = !troubles.credentialIsGood || since(gone.credential) <= 0;
      // A fresh login that is needed and cannot be had leaves the denial as it is.
      const noFreshLogin = isRough || !troubles.credentialIsGood || since(gone.credential) <= AFTERMATH_MS;
      switch (outcome) {
        case 'ok':
          lastOkAt = startedAt;
          return true;
        case 'login-refused':
          return badCredential;
        case 'permission-denied':
          return lacksPolicy || (mayLackPolicy && noFreshLogin);
        default:
          return isRough;
      }
    };
  };
}
