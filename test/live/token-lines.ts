import { nameOf, type PolicyLine, TOKEN_LINES } from '../../src/openbao/policies/least-policies.ts';
import { ManualClock } from '../support/manual-clock.ts';
import type { RecordedLog } from '../support/record-log.ts';
import { until } from '../support/until.ts';

/** Lease of the tokens of the identity whose lines are taken away, in seconds. */
export const LEASE_S = 600;

/** Somebody with the identity whose lines are taken away; disposing stops it. */
export interface TokenHolder extends AsyncDisposable {
  readonly log: RecordedLog;
  /** Something that its role allows. Rejects with the plugin's own error. */
  use(): Promise<unknown>;
}

/** What the tests of the lines on the own token need. */
export interface TokenStage {
  /** Gives the identity these lines, at once and no others. */
  grant(lines: readonly PolicyLine[]): Promise<void>;
  open(options?: { readonly clock?: ManualClock; readonly method?: 'approle' | 'token' }): Promise<TokenHolder>;
  /** How many tokens there are where the identity logs in. */
  tokens(): Promise<number>;
}

const [LOOKUP_SELF, RENEW_SELF, REVOKE_SELF] = TOKEN_LINES;

/** A test for each line that an identity of any role has on its own token. */
export function tokenLineTests(stage: () => TokenStage, lines: readonly PolicyLine[]): void {
  const whole = [...lines, ...TOKEN_LINES];
  const without = (line: PolicyLine): readonly PolicyLine[] => whole.filter((each) => each !== line);

  it(`R-POL-02 without ${nameOf(LOOKUP_SELF)} a token that was made elsewhere cannot begin`, async () => {
    const firstUse = async (): Promise<void> => {
      await using holder = await stage().open({ method: 'token' });
      await holder.use();
    };
    await stage().grant(whole);
    await firstUse();
    await stage().grant(without(LOOKUP_SELF));
    await expect(firstUse()).rejects.toMatchObject({ class: 'server-error' });
  });

  it(`R-POL-02 without ${nameOf(RENEW_SELF)} a login takes the place of every renewal`, async () => {
    const logins = async (): Promise<number> => {
      const clock = new ManualClock();
      await using holder = await stage().open({ clock });
      await holder.use();
      clock.advance(clock.pending.at(-1)!);
      await until('a longer life', () => clock.pending.some((ms) => ms > LEASE_S * 500));
      clock.advance(LEASE_S * 400); // beyond the end that the first token had at first
      await holder.use();
      return holder.log.entries('logged in to OpenBao').length;
    };
    await stage().grant(whole);
    expect(await logins()).toBe(1);
    await stage().grant(without(RENEW_SELF));
    expect(await logins()).toBeGreaterThan(1);
  });

  it(`R-POL-02 without ${nameOf(REVOKE_SELF)} a token is left behind at the stop`, async () => {
    const left = async (): Promise<number> => {
      const before = await stage().tokens();
      const holder = await stage().open();
      await holder.use();
      expect(await stage().tokens()).toBe(before + 1);
      await holder[Symbol.asyncDispose]();
      return (await stage().tokens()) - before;
    };
    await stage().grant(whole);
    expect(await left()).toBe(0);
    await stage().grant(without(REVOKE_SELF));
    expect(await left()).toBe(1);
  });
}
