import { X509Certificate } from 'node:crypto';

import type { PluginConfiguration } from '../../config/configuration.ts';
import type { SourceRef } from '../../config/source-ref.ts';
import type { KeystoreErrorClass } from '../../keystore/errors.ts';
import { answerData, answerErrors } from '../../openbao/answer.ts';
import { readCredential } from '../../openbao/auth/read-value.ts';
import { secretIdPath, WRAPPING_LOOKUP } from '../../openbao/paths.ts';
import { blocked, type Check, failed, type Finding, ok, skipped, warning } from '../check.ts';
import { describeError } from '../describe-error.ts';
import type { Examination } from '../examination.ts';
import { readTokenTimes } from '../token-times.ts';
import { judgeValidity } from '../validity.ts';
import { agoOrAhead, counted, lengthOfTime, worst } from '../wording.ts';

export const LOGIN_CHECKS: readonly Check[] = [
  {
    id: 'login.identity',
    title: 'there is an identity to log in with',
    needs: ['server.unsealed', 'config.access-data'],
    pre: true,
    cause: 'With auth.method callCertificate every call of CMK brings its own certificate, and none was given here.',
    fix: 'Give the access data of a tenant, with clientCert and privateKey, as CMK would send them.',
    examine(examination) {
      const target = examination.target();
      if (target === undefined) return blocked('the calls bring the identity, and no access data were given');
      const { method, mount, roleName } = target.identity;
      const place = mount === '' ? '' : ` at auth/${mount}`;
      return ok(`${method}${place}${roleName === undefined ? '' : ` as ${roleName}`}`);
    },
  },
  {
    id: 'login.certificate',
    title: 'the client certificate is valid for some time',
    needs: ['login.identity', 'files.readable'],
    pre: true,
    backend: true,
    cause: 'The client certificate was not renewed in time, or a clock is wrong.',
    fix: 'Issue a new client certificate; of one in a file the plugin takes notice at its next login.',
    async examine(examination) {
      const pem = await certificatePem(examination);
      if (pem === undefined) return skipped('the login shows no certificate');
      const { subject, validFromDate: notBefore, validToDate: notAfter } = new X509Certificate(pem);
      const name = subject.replaceAll('\n', ', ').slice(0, 200);
      return judgeValidity({ subject: name, notBefore, notAfter }, examination.now());
    },
  },
  {
    id: 'login.token-file',
    title: 'the signed token in the file is valid',
    needs: ['login.identity', 'files.readable'],
    pre: true,
    backend: true,
    cause: 'The issuer no longer replaces the token in the file, or a clock is wrong.',
    fix: 'See that the file of auth.tokenPath is a projected token, or one that its issuer replaces in time.',
    async examine(examination) {
      const { auth } = examination.configuration();
      if (auth.method !== 'kubernetes' && auth.method !== 'jwt') return skipped('the login takes no signed token');
      const text = await readCredential(examination.read, { source: 'file', file: { path: auth.tokenPath } });
      return judgeTokenTimes(text, examination.now());
    },
  },
  {
    id: 'login.namespace',
    title: 'the namespace exists',
    needs: ['login.identity'],
    pre: true,
    backend: true,
    cause: 'The namespace is misspelt, lies below another one, or was deleted.',
    fix: 'Correct openbao.namespace; it is the whole path from the root (team/project).',
    async examine(examination) {
      const namespace = examination.target()?.namespace ?? '';
      const answer = await examination.emptyLogin();
      const missing =
        answer.status === 404 && answerErrors(answer)?.some((text) => text.includes('namespace not found'));
      const name = namespace === '' ? 'the root namespace' : namespace;
      return missing === true ? failed(`there is no namespace ${namespace}`) : ok(name);
    },
  },
  {
    id: 'login.mount',
    title: 'the auth method is mounted',
    needs: ['login.namespace'],
    pre: true,
    backend: true,
    cause: 'auth.mount is misspelt, or the auth method is mounted in another namespace or not at all.',
    fix: 'Correct auth.mount (bao auth list shows the mounts), or enable the method there: bao auth enable -path=<a>.',
    async examine(examination) {
      const mount = examination.target()?.identity.mount ?? '';
      if (mount === '') return skipped('a token is used as it is');
      const answer = await examination.emptyLogin();
      // Whatever else a method answers to a login without credentials, it has been asked.
      return answer.status === 403 ? failed(`there is no auth method at auth/${mount}`) : ok(`auth/${mount}`);
    },
  },
  {
    id: 'login.unwrap',
    title: 'the wrapped secret id can be unwrapped',
    needs: ['login.mount', 'login.certificate', 'login.token-file'],
    pre: true,
    backend: true,
    cause:
      'The wrapping token was used, has expired, or wraps something else: somebody else may hold the secret id now.',
    fix: 'Destroy the secret id, find out who unwrapped it, and deliver a new wrapped one: bao write -wrap-ttl=300s -f <l>/secret-id.',
    examine: judgeWrapping,
  },
  {
    id: 'login.repeatable',
    title: 'a login takes nothing away from the plugin',
    needs: ['login.unwrap'],
    pre: true,
    cause: 'A wrapped secret id can be unwrapped once, and the one in the file is for the plugin.',
    fix: 'Examine with a configuration that has another secret id of the same role in its file.',
    examine: (examination) =>
      wrappedSecretId(examination) === undefined
        ? ok('it does not')
        : blocked('the wrapped secret id is left to the plugin: to go on, examine with another secret id of the role'),
  },
  {
    id: 'login.lockout',
    title: 'the role is not locked',
    needs: ['login.repeatable'],
    pre: true,
    backend: true,
    cause: 'Five logins with a wrong secret id locked the role for 15 minutes, whoever made them.',
    fix: 'Find out who logs in with a wrong secret id; then unlock (bao list sys/locked-users; bao write -f sys/locked-users/ACCESSOR/unlock/ROLE_ID) or wait.',
    examine: (examination) => judgeLogin(examination, ['login-locked-out'], 'it is not'),
  },
  {
    id: 'login.source-address',
    title: 'logins are allowed from this address',
    needs: ['login.repeatable'],
    pre: true,
    backend: true,
    cause: 'The role or its secret id is bound to addresses (CIDR), and this machine is seen with another one.',
    fix: 'Widen secret_id_bound_cidrs of the role (bao write <l> secret_id_bound_cidrs=…) or cidr_list of a new secret id, or examine from where the plugin runs.',
    async examine(examination) {
      const error = await examination.login();
      return error?.details.cause === 'SOURCE_ADDRESS' ? failed(describeError(error)) : ok('nothing speaks against it');
    },
  },
  {
    id: 'login.accepted',
    title: 'OpenBao takes the login',
    needs: ['login.lockout', 'login.source-address'],
    pre: true,
    backend: true,
    cause:
      'The role id or role is wrong, the secret id is wrong, used up or expired, or the certificate or token is of somebody else.',
    fix: 'Compare the role (bao read <l>) with what is presented: role id and secret id, certificate, or signed token. Each wrong try may count towards a lockout.',
    async examine(examination) {
      const error = await examination.login();
      if (error === undefined) return ok('logged in');
      return { ...failed(describeError(error)), fix: FIXES[examination.configuration().auth.method] };
    },
  },
  {
    id: 'login.secret-id',
    title: 'the secret id lasts for some time',
    needs: ['login.accepted'],
    pre: true,
    cause: 'The secret id is limited in its uses or its time, and every login takes one use.',
    fix: 'Put a new secret id into the file before it ends (bao write -f <l>/secret-id); the plugin needs one at least every token_max_ttl.',
    examine: judgeSecretId,
  },
];

function wrappedSecretId(examination: Examination): SourceRef | undefined {
  const { auth } = examination.configuration();
  return auth.method === 'approle' ? auth.secretIdWrapped : undefined;
}

/** A look does not use the token up. */
async function judgeWrapping(examination: Examination): Promise<Finding> {
  const wrapped = wrappedSecretId(examination);
  if (wrapped === undefined) return skipped('nothing is wrapped');
  const token = await readCredential(examination.read, wrapped);
  const answer = await examination.askAsStranger({ verb: 'write', path: WRAPPING_LOOKUP, body: { token } });
  const data = answer.status === 200 ? answerData(answer) : undefined;
  if (data === undefined) return failed('the wrapping token was used already, has expired or never existed');
  const { a = '', r = '' } = examination.names();
  if (data.creation_path !== secretIdPath(a, r)) return failed('the wrapping token wraps something else');
  const end = Date.parse(String(data.creation_time)) + Number(data.creation_ttl) * 1000;
  return ok(
    Number.isNaN(end) ? 'it was not used' : `it was not used, and expires ${agoOrAhead(end, examination.now())}`,
  );
}

const COMPARE_CERTIFICATE =
  'Compare the certificate with the role (bao read <l>): its authority, common name and units; then issue one that matches, or correct the role.';

const FIXES: Readonly<Record<PluginConfiguration['auth']['method'], string>> = {
  approle:
    'Compare the role id (bao read <l>/role-id), then put a new secret id into its file: bao write -f <l>/secret-id. Each wrong try counts towards a lockout.',
  callCertificate: COMPARE_CERTIFICATE,
  cert: COMPARE_CERTIFICATE,
  jwt: 'Compare issuer, audience and subject of the token with the role (bao read <l>) and with auth/<a>/config.',
  kubernetes:
    'Compare service account, namespace and audience of the token with the role (bao read <l>), and see that OpenBao reaches the Kubernetes API.',
  token: 'Put a token that lives into the file: bao token create -orphan -policy=POLICY.',
};

async function judgeLogin(
  examination: Examination,
  classes: readonly KeystoreErrorClass[],
  good: string,
): Promise<Finding> {
  const error = await examination.login();
  return error !== undefined && classes.includes(error.class) ? failed(describeError(error)) : ok(good);
}

async function certificatePem(examination: Examination): Promise<string | undefined> {
  const { auth } = examination.configuration();
  const identity = examination.target()?.identity;
  if (identity?.method === 'callCertificate') return identity.certificate.chainPem;
  return auth.method === 'cert' ? readCredential(examination.read, auth.certificate, 'public') : undefined;
}

/** Time in which the issuer should have replaced a token, in part of its life. */
const LAST_PART = 0.1;

function judgeTokenTimes(text: string, now: number): Finding {
  const times = readTokenTimes(text);
  if (times === undefined) return failed('the file holds no signed token (JWT)');
  const { expiresAt, issuedAt } = times;
  if (expiresAt === undefined) return warning('the token has no end');
  if (expiresAt <= now) return failed(`expired ${agoOrAhead(expiresAt, now)}`);
  const left = expiresAt - now;
  const isLate = issuedAt !== undefined && left < (expiresAt - issuedAt) * LAST_PART;
  return (isLate ? warning : ok)(`expires in ${lengthOfTime(left)}`);
}

const FEW_USES = 10;
const SHORT_TIME_MS = 7 * 86_400_000;

async function judgeSecretId(examination: Examination): Promise<Finding> {
  const { auth } = examination.configuration();
  if (auth.method !== 'approle') return skipped('the login takes no secret id');
  if (auth.secretId === undefined) return skipped('the secret id is known to the plugin alone');
  await examination.token();
  const { r: role } = examination.names();
  if (role === undefined) return skipped('the name of the role is not known: give it as auth.role');
  const path = `${secretIdPath(auth.mount, role)}/lookup`;
  const body = { secret_id: await readCredential(examination.read, auth.secretId) };
  const answer = await examination.ask({ verb: 'write', path, body });
  if (answer.status === 403) {
    return skipped('the token may not look at its secret id', [{ path, capabilities: ['update'] }]);
  }
  const data = answer.status === 200 ? answerData(answer) : undefined;
  // This login may have been the last one.
  if (data === undefined) return failed('OpenBao does not know the secret id any more');
  return worst([judgeUses(data.secret_id_num_uses), judgeEnd(data.expiration_time, examination.now())]);
}

function judgeUses(uses: unknown): Finding {
  if (typeof uses !== 'number' || uses === 0) return ok('any number of uses');
  const text = `${counted(uses, 'use')} left`;
  return uses < FEW_USES ? warning(text) : ok(text);
}

function judgeEnd(time: unknown, now: number): Finding {
  const end = typeof time === 'string' ? Date.parse(time) : NaN;
  // Without an end OpenBao gives the year 1.
  if (Number.isNaN(end) || end <= 0) return ok('without an end');
  const text = `expires ${agoOrAhead(end, now)}`;
  return end - now < SHORT_TIME_MS ? warning(text) : ok(text);
}
