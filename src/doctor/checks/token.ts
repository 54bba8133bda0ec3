import { type Answer, answerData, asObject } from '../../openbao/answer.ts';
import { TOKEN_PATHS } from '../../openbao/paths.ts';
import { toKeystoreError } from '../../openbao/errors.ts';
import type { PolicyRule } from '../../openbao/provider/policy.ts';
import { type Check, failed, type Finding, ok, skipped, warning } from '../check.ts';
import { describeError } from '../describe-error.ts';
import type { Examination } from '../examination.ts';
import { counted, lengthOfTime } from '../wording.ts';

const LOOK_UP: readonly PolicyRule[] = [{ path: TOKEN_PATHS.lookupSelf, capabilities: ['read'] }];
const RENEW: readonly PolicyRule[] = [{ path: TOKEN_PATHS.renewSelf, capabilities: ['update'] }];

/** Below this length the plugin is busy with tokens and a short trouble of OpenBao ends its service. */
const MIN_TTL_S = 60;
const GOOD_TTL_S = 600;
const GOOD_MAXIMUM_S = 86_400;
/** Longer than any maximum: OpenBao grants what is left of it. */
const ENDLESS = '87600h';

export const TOKEN_CHECKS: readonly Check[] = [
  {
    id: 'token.lookup',
    title: 'the token can be looked at',
    needs: ['login.accepted'],
    pre: true,
    cause: 'The role leaves OpenBao’s default policy out, and no policy of its own has the right.',
    fix: 'Add the line to the policy; with it the plugin tells a dead token from a denial at once.',
    policy: LOOK_UP,
    async examine(examination) {
      const answer = await examination.token();
      return answer.status === 200 ? ok('it can') : refusal(answer);
    },
  },
  {
    id: 'token.type',
    title: 'the token is a service token',
    needs: ['token.lookup'],
    pre: true,
    cause: 'The role makes batch tokens, which can be neither renewed nor revoked.',
    fix: 'Set token_type=service at the role: bao write <l> token_type=service.',
    examine: (examination) =>
      eachToken(examination, ({ type }) => (type === 'service' ? ok('service') : failed(String(type)))),
  },
  {
    id: 'token.policies',
    title: 'the token has a policy of its own',
    needs: ['token.lookup'],
    pre: true,
    cause: 'The role names no policy, so the token may do nothing but look after itself.',
    fix: 'Name the policy of the key at the role: bao write <l> token_policies=POLICY.',
    examine: (examination) =>
      eachToken(examination, ({ identity_policies: more, policies }) => {
        const names = [...list(policies), ...list(more)];
        const own = names.some((name) => name !== 'default');
        return own ? ok(names.join(', ')) : warning(names.length === 0 ? 'none' : 'default alone');
      }),
  },
  {
    id: 'token.ttl',
    title: 'the token lives long enough',
    needs: ['token.lookup'],
    pre: true,
    cause: 'token_ttl of the role is so short that a token ends within one trouble of OpenBao or of the network.',
    fix: 'Set token_ttl to an hour: bao write <l> token_ttl=1h.',
    examine: (examination) =>
      eachToken(examination, ({ creation_ttl: ttl }) => {
        if (typeof ttl !== 'number' || ttl === 0) return warning('it never ends');
        const text = `lives for ${lengthOfTime(ttl * 1000)}`;
        if (ttl < MIN_TTL_S) return failed(text);
        return ttl < GOOD_TTL_S ? warning(text) : ok(text);
      }),
  },
  {
    id: 'token.uses',
    title: 'the token may be used any number of times',
    needs: ['token.lookup'],
    pre: true,
    cause: 'token_num_uses of the role ends a token after so many requests.',
    fix: 'Take the limit away: bao write <l> token_num_uses=0.',
    examine: (examination) =>
      eachToken(examination, ({ num_uses: uses }) =>
        uses === 0 ? ok('any') : failed(`${counted(Number(uses), 'use')} left`),
      ),
  },
  {
    id: 'token.orphan',
    title: 'the token depends on no other one',
    needs: ['token.lookup'],
    pre: true,
    cause: 'The token was made with another token, and ends when that one is revoked.',
    fix: 'Use a login in place of a token that somebody has made, or make it as an orphan: bao token create -orphan.',
    examine: (examination) =>
      eachToken(examination, ({ orphan }) => (orphan === true ? ok('it does not') : warning('it has a parent'))),
  },
  {
    id: 'token.renewable',
    title: 'the token can be renewed',
    needs: ['token.type', 'token.ttl'],
    pre: true,
    cause: 'The token was made without renewals, its maximum is as short as its time, or a policy denies it.',
    fix: 'Set token_max_ttl to several times token_ttl, or make the token renewable; and add the line to the policy.',
    policy: RENEW,
    examine: (examination) =>
      eachToken(examination, async ({ creation_ttl: ttl, renewable }) => {
        if (ttl === 0) return skipped('it never ends');
        if (renewable !== true) return failed('it is not renewable', []);
        const answer = await examination.ask({ verb: 'write', path: TOKEN_PATHS.renewSelf, body: {} });
        const lease = leaseOf(answer);
        return lease === undefined ? refusal(answer) : ok(`renewed once, for ${lengthOfTime(lease * 1000)}`);
      }),
  },
  {
    id: 'token.maximum',
    title: 'the token ends one day',
    needs: ['token.renewable'],
    pre: true,
    cause:
      'The role sets no token_max_ttl, so the one of the mount or of the server holds: a stolen token can be kept alive for as long.',
    fix: 'Set token_max_ttl to four hours: bao write <l> token_max_ttl=4h.',
    examine: (examination) =>
      eachToken(examination, async ({ explicit_max_ttl: explicit, period }) => {
        if (typeof period === 'number' && period > 0) return ok('a periodic token: it ends when it is not renewed');
        if (typeof explicit === 'number' && explicit > 0) return judgeMaximum(explicit);
        if (examination.borrowsToken) return skipped('the token is not ours to stretch');
        const body = { increment: ENDLESS };
        const maximum = leaseOf(await examination.ask({ verb: 'write', path: TOKEN_PATHS.renewSelf, body }));
        return maximum === undefined ? skipped('OpenBao does not tell') : judgeMaximum(maximum);
      }),
  },
];

function judgeMaximum(seconds: number): Finding {
  const text = `at most ${lengthOfTime(seconds * 1000)}`;
  return seconds > GOOD_MAXIMUM_S ? warning(text) : ok(text);
}

type TokenData = Readonly<Record<string, unknown>>;

async function eachToken(
  examination: Examination,
  judge: (data: TokenData) => Finding | Promise<Finding>,
): Promise<Finding> {
  return judge(answerData(await examination.token()) ?? {});
}

/** Seconds of a renewal that was one. */
function leaseOf(answer: Answer): number | undefined {
  const lease = answer.status === 200 ? asObject(answer.body?.auth)?.lease_duration : undefined;
  return typeof lease === 'number' ? lease : undefined;
}

function refusal(answer: Answer): Finding {
  return failed(describeError(toKeystoreError(answer)));
}

function list(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}
