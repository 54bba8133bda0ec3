import { KeystoreError } from '../../keystore/errors.ts';
import type { Answer } from '../../openbao/answer.ts';
import { type Check, failed, type Finding, ok, skipped, warning } from '../check.ts';
import { describeError } from '../describe-error.ts';
import type { Examination, HealthLook } from '../examination.ts';
import { compareReleases, defectsOf, SUPPORTED } from '../releases.ts';
import { lengthOfTime, worst } from '../wording.ts';

export const SERVER_CHECKS: readonly Check[] = [
  {
    id: 'server.answers',
    title: 'OpenBao answers',
    needs: ['network.connect', 'tls.trust', 'tls.name', 'tls.expiry'],
    pre: true,
    backend: true,
    cause: 'Something else listens there, such as a gateway, or OpenBao hangs.',
    fix: 'See what answers GET /v1/sys/health at the address, and name the address of OpenBao itself or a gateway that passes it through.',
    async examine(examination) {
      // Of an address without a connection another check has told.
      const connected = (await examination.addresses()).filter(({ connect }) => connect && 'ms' in connect);
      const faults = (await examination.health()).flatMap(({ answer, origin }) => {
        if (!connected.some((look) => look.origin === origin)) return [];
        if (answer instanceof KeystoreError) return [`${origin}: ${describeError(answer)}`];
        return isHealth(answer) ? [] : [`${origin}: the answer does not come from OpenBao (status ${answer.status})`];
      });
      const answers = await healthAnswers(examination);
      if (faults.length === 0) return ok(answers.map(({ origin }) => origin).join(', '));
      return answers.length === 0 ? failed(faults.join('; ')) : warning(faults.join('; '));
    },
  },
  {
    id: 'server.version',
    title: 'the release of OpenBao is one that the plugin supports',
    needs: ['server.answers'],
    pre: true,
    cause: `The plugin is tested with OpenBao ${SUPPORTED.from} and newer releases of version 2.`,
    fix: 'Upgrade OpenBao to the newest release of version 2.',
    async examine(examination) {
      return eachServer(examination, ({ body }) => judgeVersion(releaseOf(body)));
    },
  },
  {
    id: 'server.defects',
    title: 'nothing is known against the release of OpenBao',
    needs: ['server.version'],
    pre: true,
    cause: 'The release has a defect that a newer one does not have.',
    fix: 'Upgrade OpenBao to the newest release of version 2; 2.7.1 and newer ones have none of the defects known to us.',
    async examine(examination) {
      const { method } = examination.configuration().auth;
      return eachServer(examination, ({ body }) => {
        const release = releaseOf(body);
        const defects = defectsOf(release, method);
        if (defects.length === 0) return ok(`nothing is known against ${release}`);
        return failed(`${release}: ${defects.map(({ text }) => text).join('; ')}`);
      });
    },
  },
  {
    id: 'server.initialised',
    title: 'OpenBao is initialised',
    needs: ['server.answers'],
    pre: true,
    backend: true,
    cause: 'The server was never initialised, or has another storage than it used to have.',
    fix: 'Initialise it (bao operator init), or give it its storage back.',
    async examine(examination) {
      return eachServer(examination, ({ body }) => (body?.initialized === true ? ok('yes') : failed('it is not')));
    },
  },
  {
    id: 'server.unsealed',
    title: 'OpenBao is unsealed',
    needs: ['server.initialised'],
    pre: true,
    backend: true,
    cause: 'The server was restarted or sealed, and nobody has unsealed it.',
    fix: 'Unseal it (bao operator unseal), and find out who sealed it and why; auto-unseal spares this after a restart.',
    async examine(examination) {
      const answers = await healthAnswers(examination);
      const sealed = answers.filter(({ answer }) => answer.body?.sealed !== false).map(({ origin }) => origin);
      if (sealed.length === 0) return ok(answers.map(({ origin }) => origin).join(', '));
      const text = `sealed: ${sealed.join(', ')}`;
      return sealed.length === answers.length ? failed(text) : warning(text);
    },
  },
  {
    id: 'server.active',
    title: 'the active node is among the addresses',
    needs: ['server.unsealed'],
    pre: true,
    backend: true,
    cause: 'The addresses lead to standbys only, or the cluster has no leader at the moment.',
    fix: 'List all nodes in openbao.addresses, or a load balancer that leads to the active one; the plugin calls a key missing only when the active node says so.',
    async examine(examination) {
      const answers = await healthAnswers(examination);
      const active = answers.find(({ answer }) => answer.status === 200);
      if (active !== undefined) return ok(`${active.origin} is active`);
      return failed(`no server says that it is the active one: ${answers.map(({ origin }) => origin).join(', ')}`);
    },
  },
  {
    id: 'server.ha',
    title: 'another node takes over when the active one ends',
    needs: ['server.unsealed'],
    pre: true,
    cause: 'The storage of this OpenBao knows no high availability: while the one node is away no key can be used.',
    fix: 'Run OpenBao with raft storage on three or five nodes, and list all of them in openbao.addresses.',
    async examine(examination) {
      const { body, status } = await examination.askAsStranger({ verb: 'read', path: 'sys/leader' });
      if (status !== 200 || typeof body?.ha_enabled !== 'boolean') return skipped('OpenBao does not tell');
      return body.ha_enabled ? ok('high availability is on') : warning('high availability is off');
    },
  },
  {
    id: 'server.clock',
    title: 'the clocks of OpenBao and of this machine agree',
    needs: ['server.answers'],
    pre: true,
    cause: 'One of the two clocks is wrong: certificates and tokens are then valid on one side and not on the other.',
    fix: 'Let a time service (NTP) set both clocks.',
    async examine(examination) {
      return eachServer(examination, ({ body }) => judgeClock(body?.server_time_utc, examination.now()));
    },
  },
];

/** Whole seconds on the server's side, and the way there and back. */
const CLOCK_UNNOTICED_MS = 5000;
const CLOCK_HARMFUL_MS = 60_000;

function judgeClock(seconds: unknown, now: number): Finding {
  if (typeof seconds !== 'number') return skipped('the server does not tell its time');
  const difference = seconds * 1000 - now;
  const length = lengthOfTime(difference);
  if (Math.abs(difference) <= CLOCK_UNNOTICED_MS) return ok('less than 5 seconds apart');
  const text = `OpenBao is ${length} ${difference > 0 ? 'ahead' : 'behind'}`;
  return Math.abs(difference) < CLOCK_HARMFUL_MS ? warning(text) : failed(text);
}

function judgeVersion(release: string): Finding {
  const tooOld = compareReleases(release, SUPPORTED.from);
  if (tooOld === undefined) return warning('the release is not told');
  if (tooOld < 0) return failed(`${release} is older than ${SUPPORTED.from}`);
  const unknown = (compareReleases(release, SUPPORTED.below) ?? 0) >= 0;
  return unknown ? warning(`${release} is newer than anything that was tested`) : ok(release);
}

/** The release that a server tells, or an empty text. */
export function releaseOf(body: Answer['body']): string {
  const version = body?.version;
  return typeof version === 'string' && /^[\w.+-]{1,64}$/.test(version) ? version : '';
}

/** The servers of which something is known. */
export async function healthAnswers(
  examination: Examination,
): Promise<readonly (Pick<HealthLook, 'origin'> & { readonly answer: Answer })[]> {
  return (await examination.health()).flatMap(({ answer, origin }) =>
    answer instanceof KeystoreError || !isHealth(answer) ? [] : [{ origin, answer }],
  );
}

function isHealth({ body }: Answer): boolean {
  return typeof body?.sealed === 'boolean' && typeof body.initialized === 'boolean';
}

async function eachServer(examination: Examination, judge: (answer: Answer) => Finding): Promise<Finding> {
  return worst(
    (await healthAnswers(examination)).map(({ answer, origin }) => {
      const { text, ...finding } = judge(answer);
      return { ...finding, text: `${origin}: ${text}` };
    }),
  );
}
