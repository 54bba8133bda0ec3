import { deleteKeystore } from '../../../../src/openbao/provider/delete-keystore.ts';
import {
  cut,
  DENIED_BY_POLICY,
  errors,
  json,
  noContent,
  type Reply,
  type SeenRequest,
  stall,
} from '../../../support/fake-openbao.ts';
import {
  ACCESSORS,
  failure,
  LOOKUP_ACCESSOR,
  NAME,
  names,
  OPERATOR_TOKEN,
  openStage,
  POLICIES,
  ROLES,
  type Stage,
} from './provider-fixture.ts';

/** A path with the name of a keystore, whatever it is, left out. */
const general = ({ method, path }: Pick<SeenRequest, 'method' | 'path'>): string =>
  `${method} ${path.replaceAll(/openkcm-[0-9a-f]{16}/g, '$')}`.replace(/^GET (.*)\?list=true$/, 'LIST $1');

/** Answers by requests in their general form, each list one after the other; anything else with success. */
function serve(replies: Readonly<Record<string, readonly Reply[]>> = {}): Reply {
  const left = new Map(Object.entries(replies).map(([request, list]) => [request, [...list]]));
  return (response, request) => {
    const list = left.get(general(request)) ?? [];
    const reply = list.length > 1 ? list.shift() : list[0];
    (reply ?? GOOD[general(request)] ?? noContent)(response, request);
  };
}

const GOOD: Readonly<Record<string, Reply>> = {
  'POST $/config/keys': json(200, { data: { disable_upsert: true } }),
  'GET $/wrapping_key': json(200, { data: { public_key: 'PEM' } }),
};

const acts = ({ fake }: Stage): string[] => fake.requests.filter(({ token }) => token === OPERATOR_TOKEN).map(general);

const MAKING = [
  'POST sys/mounts/$',
  'POST $/config/keys',
  'GET $/wrapping_key',
  'POST sys/mounts/$-state',
  'POST sys/policies/acl/$-roles',
  'POST auth/cert/certs/$-roles',
  'POST sys/policies/acl/$-keys',
  'POST auth/cert/certs/$-keys',
];
const UNMAKING = [
  'DELETE auth/cert/certs/$-keys',
  'DELETE sys/policies/acl/$-keys',
  'DELETE auth/cert/certs/$-roles',
  'DELETE sys/policies/acl/$-roles',
  'DELETE sys/mounts/$-state',
  'DELETE sys/mounts/$',
];

const IN_USE = errors(400, 'path is already in use at x/');
const CONFLICT = errors(500, '1 error occurred:\n\t* transaction commit failed\n\n');
const BROKEN = errors(500, 'internal error');

describe('R-PROVIDER-11 CreateKeystore', () => {
  test('makes the parts in an order in which nobody is let in before all is there', async () => {
    await using stage = await openStage({ otherwise: serve() });
    await stage.provider.createKeystore(stage.call());
    expect(acts(stage)).toEqual(MAKING);
  });

  test.each([
    ['a mount whose answer was lost', 'POST sys/mounts/$', [cut, IN_USE]],
    ['a mount that lost a race', 'POST sys/mounts/$-state', [CONFLICT, noContent]],
    ['a role whose answer was lost', 'POST auth/cert/certs/$-keys', [cut, noContent]],
    ['a wrapping key whose answer was lost', 'GET $/wrapping_key', [cut, GOOD['GET $/wrapping_key']!]],
  ])('repeats %s', async (_, request, replies) => {
    await using stage = await openStage({ otherwise: serve({ [request]: replies }) });
    await stage.provider.createKeystore(stage.call());
    expect(acts(stage).filter((act) => act === request)).toHaveLength(2);
    expect(acts(stage).filter((act) => act.startsWith('DELETE'))).toEqual([]);
  });

  test('waits for a standby that does not know yet what was made', async () => {
    const unknown = errors(404, 'no handler for route "x". route entry not found.');
    const replies = {
      'POST $/config/keys': [unknown, unknown, GOOD['POST $/config/keys']!],
      'GET $/wrapping_key': [unknown, GOOD['GET $/wrapping_key']!],
      'POST auth/cert/certs/$-keys': [errors(404, 'namespace not found'), noContent],
    };
    await using stage = await openStage({ otherwise: serve(replies) });
    await stage.provider.createKeystore(stage.call());
    expect(new Set(acts(stage))).toEqual(new Set(MAKING));
    expect(acts(stage)).toHaveLength(MAKING.length + 4);
  });

  test.each(MAKING)('undoes all that may be there when this fails for good: %s', async (request) => {
    await using stage = await openStage({ otherwise: serve({ [request]: [BROKEN] }) });
    const failed = await failure(stage.provider.createKeystore(stage.call()));
    expect(failed).toMatchObject({ class: 'server-error' });
    const made = MAKING.slice(0, MAKING.indexOf(request) + 1).map((act) => act.replace('POST', 'DELETE'));
    expect(acts(stage).filter((act) => act.startsWith('DELETE'))).toEqual(UNMAKING.filter((act) => made.includes(act)));
  });

  test('takes no mount for good that does not refuse upserts', async () => {
    const upserts = json(200, { data: { disable_upsert: false } });
    await using stage = await openStage({ otherwise: serve({ 'POST $/config/keys': [upserts] }) });
    expect(await failure(stage.provider.createKeystore(stage.call()))).toMatchObject({ class: 'malformed-answer' });
    expect(acts(stage).at(-1)).toBe('DELETE sys/mounts/$');
  });

  test('goes on undoing when a part cannot be undone, and says which', async () => {
    const replies = {
      'POST auth/cert/certs/$-keys': [BROKEN],
      'DELETE sys/mounts/$-state': [errors(403, DENIED_BY_POLICY)],
    };
    await using stage = await openStage({ otherwise: serve(replies) });
    await failure(stage.provider.createKeystore(stage.call()));
    expect(acts(stage).at(-1)).toBe('DELETE sys/mounts/$');
    expect(stage.log.entries('a part of a keystore that could not be made is left over')).toMatchObject([
      { '@level': 'error', left_over: 'state mount', class: 'permission-denied' },
    ]);
  });
});

describe('R-PROVIDER-10 DeleteKeystore', () => {
  const EMPTY = names('import/');
  const OWN = [`${NAME}-keys`, `${NAME}-roles`];
  const HAVE_KEY = names('import/', 'k');
  const LET_IN = names(...OWN, `${NAME}-crypto-${'0'.repeat(32)}`, 'of-others');
  const LISTED = names('default', ...OWN, `${NAME}-state`, 'openkcm-1123456789abcdef-keys', 'operator');

  test('takes all trust before it counts the keys a second time, and removes nothing of others', async () => {
    const replies = {
      'LIST $/keys': [EMPTY],
      [`LIST ${POLICIES}`]: [LISTED],
      [`LIST ${ROLES}`]: [LET_IN],
      [`LIST ${ACCESSORS}`]: [names('a')],
      [`POST ${LOOKUP_ACCESSOR}`]: [json(200, { data: { path: 'auth/cert/login', meta: { cert_name: 'of-others' } } })],
    };
    await using stage = await openStage({ otherwise: serve(replies) });
    await stage.provider.deleteKeystore(stage.call());
    expect(acts(stage)).toEqual([
      `LIST ${POLICIES}`,
      `LIST ${ROLES}`,
      'LIST $/keys',
      `DELETE ${POLICIES}/$-keys`,
      `DELETE ${POLICIES}/$-roles`,
      `DELETE ${POLICIES}/$-crypto-${'0'.repeat(32)}`,
      'LIST $/keys',
      `LIST ${ROLES}`,
      `DELETE ${ROLES}/$-keys`,
      `DELETE ${ROLES}/$-roles`,
      `DELETE ${ROLES}/$-crypto-${'0'.repeat(32)}`,
      `LIST ${ACCESSORS}`,
      `POST ${LOOKUP_ACCESSOR}`,
      'DELETE sys/mounts/$-state',
      'DELETE sys/mounts/$',
    ]);
    expect(new Set(stage.fake.requests.filter(({ path }) => path.includes('openkcm-1')))).toEqual(new Set());
  });

  test('gives the trust back when a key was made meanwhile, and removes nothing', async () => {
    const replies = {
      'LIST $/keys': [EMPTY, HAVE_KEY],
      [`LIST ${POLICIES}`]: [LISTED],
      [`LIST ${ROLES}`]: [names(...OWN)],
    };
    await using stage = await openStage({ otherwise: serve(replies) });
    expect(await failure(stage.provider.deleteKeystore(stage.call()))).toMatchObject({ class: 'keystore-not-empty' });
    expect(acts(stage).slice(-4)).toEqual([
      'LIST $/keys',
      `POST ${POLICIES}/$-keys`,
      `POST ${POLICIES}/$-roles`,
      `LIST ${ROLES}`,
    ]);
    const rights = OWN.map((role) => String(stage.fake.seen('POST', `${POLICIES}/${role}`)[0]?.body.policy));
    expect(rights[0]).toContain(`path "${NAME}/keys/+/import"`);
    expect(rights[1]).not.toContain(NAME);
  });

  test('gives the trust back when it cannot take all of it, and says what it could not give back', async () => {
    const replies = {
      'LIST $/keys': [EMPTY],
      [`LIST ${POLICIES}`]: [LISTED],
      [`LIST ${ROLES}`]: [names(...OWN)],
      [`DELETE ${POLICIES}/$-roles`]: [BROKEN],
      [`POST ${POLICIES}/$-keys`]: [errors(403, DENIED_BY_POLICY)],
    };
    await using stage = await openStage({ otherwise: serve(replies) });
    expect(await failure(stage.provider.deleteKeystore(stage.call()))).toMatchObject({ class: 'server-error' });
    expect(acts(stage).slice(-2)).toEqual([`POST ${POLICIES}/$-roles`, `LIST ${ROLES}`]);
    expect(acts(stage).filter((act) => act.startsWith('DELETE sys/mounts'))).toEqual([]);
    expect(stage.log.entries('trust that was taken could not be given back')).toMatchObject([
      { '@level': 'error', keystore: NAME, role: `${NAME}-keys`, class: 'permission-denied' },
    ]);
  });

  test('gives the trust back, and removes nothing, when only a standby can be asked', async () => {
    const replies = { 'LIST $/keys': [EMPTY], [`LIST ${POLICIES}`]: [LISTED], [`LIST ${ROLES}`]: [names(...OWN)] };
    await using stage = await openStage({ otherwise: serve(replies) });
    stage.fake.on('GET', 'sys/health', json(429, { sealed: false, standby: true, version: '2.7.2' }));
    expect(await failure(stage.provider.deleteKeystore(stage.call()))).toMatchObject({ class: 'no-active-node' });
    expect(acts(stage).slice(-3)).toEqual([`POST ${POLICIES}/$-keys`, `POST ${POLICIES}/$-roles`, `LIST ${ROLES}`]);
  });

  test('is done where there is no mount at all', async () => {
    const nothing = errors(404, `no handler for route "${NAME}/keys/". route entry not found.`);
    const replies = {
      'LIST $/keys': [nothing],
      [`LIST ${POLICIES}`]: [names('default')],
      [`LIST ${ROLES}`]: [errors(404)],
    };
    await using stage = await openStage({ otherwise: serve(replies) });
    await stage.provider.deleteKeystore(stage.call());
    expect(acts(stage)).toEqual([
      `LIST ${POLICIES}`,
      `LIST ${ROLES}`,
      'LIST $/keys',
      'LIST $/keys',
      `LIST ${ROLES}`,
      'DELETE sys/mounts/$-state',
      'DELETE sys/mounts/$',
    ]);
  });

  test('does not take a list that it cannot have for an empty one', async () => {
    const lists = { 'LIST $/keys': [EMPTY], [`LIST ${POLICIES}`]: [LISTED], [`LIST ${ROLES}`]: [names(...OWN)] };
    for (const list of Object.keys(lists)) {
      for (const reply of [BROKEN, errors(403, DENIED_BY_POLICY), json(200, { data: {} }), json(200, {})]) {
        await using stage = await openStage({ otherwise: serve({ ...lists, [list]: [reply] }) });
        expect(await failure(stage.provider.deleteKeystore(stage.call()))).toBeInstanceOf(Error);
        expect(acts(stage).filter((act) => /^(POST|DELETE)/.test(act))).toEqual([]);
      }
    }
  });

  test('gives back what a deletion that came to no end took, when there is a key', async () => {
    const replies = {
      'LIST $/keys': [HAVE_KEY],
      [`LIST ${POLICIES}`]: [names('default', `${NAME}-roles`)],
      [`LIST ${ROLES}`]: [LET_IN],
    };
    await using stage = await openStage({ otherwise: serve(replies) });
    expect(await failure(stage.provider.deleteKeystore(stage.call()))).toMatchObject({ class: 'keystore-not-empty' });
    expect(acts(stage).slice(3)).toEqual([
      `POST ${POLICIES}/$-keys`,
      `POST ${POLICIES}/$-crypto-${'0'.repeat(32)}`,
      `LIST ${ROLES}`,
    ]);
  });

  test('gives no rights back to a role that another process has removed meanwhile', async () => {
    const replies = {
      'LIST $/keys': [EMPTY, HAVE_KEY],
      [`LIST ${POLICIES}`]: [LISTED],
      [`LIST ${ROLES}`]: [names(...OWN), names(`${NAME}-roles`)],
    };
    await using stage = await openStage({ otherwise: serve(replies) });
    await failure(stage.provider.deleteKeystore(stage.call()));
    expect(acts(stage).slice(-2)).toEqual([`LIST ${ROLES}`, `DELETE ${POLICIES}/$-keys`]);
  });

  test('gives the trust back even when all of its time went by at the second count', async () => {
    const replies = {
      'LIST $/keys': [EMPTY, stall],
      [`LIST ${POLICIES}`]: [LISTED],
      [`LIST ${ROLES}`]: [names(...OWN)],
    };
    await using stage = await openStage({ otherwise: serve(replies) });
    const { place, turns } = stage;
    const deleting = turns.change(stage.call(), { keystore: NAME, timeMs: 1500 }, (turn) =>
      deleteKeystore(turn, place, { isolation: 'mount', undoTimeMs: 10_000, log: stage.log.log }),
    );
    expect(await failure(deleting)).toMatchObject({ class: 'deadline-exceeded' });
    expect(acts(stage).slice(-4)).toEqual([
      'LIST $/keys',
      `POST ${POLICIES}/$-keys`,
      `POST ${POLICIES}/$-roles`,
      `LIST ${ROLES}`,
    ]);
    expect(stage.log.entries('trust that was taken could not be given back')).toEqual([]);
  });
});
