import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { IDENTITY_CHANNEL, type IdentityEvent } from '../../../src/openbao/identity-events.ts';
import { errors, TOKEN_IS_DEAD, tokenAnswer } from '../../support/fake-openbao.ts';
import {
  byToken,
  failure,
  LEASE,
  LOGIN,
  LOOKUP,
  openSession,
  RENEW,
  type Stage,
  USE,
  USED,
} from './session-fixture.ts';

const events: IdentityEvent[] = [];
const listen = (event: unknown): void => void events.push(event as IdentityEvent);

beforeEach(() => {
  events.length = 0;
  subscribe(IDENTITY_CHANNEL, listen);
});
afterEach(() => void unsubscribe(IDENTITY_CHANNEL, listen));

const method = 'approle';

async function renewed(stage: Stage): Promise<void> {
  stage.careIsDue();
  await stage.settled();
}

describe('R-AUTH-63 what happens to a token is told', () => {
  it('as login, renewal, end and the next login, with the life that it has', async () => {
    await using stage = await openSession();
    stage.clock.chance = 0.5;
    await stage.use();
    await renewed(stage);
    stage.fake.on('GET', LOOKUP, errors(403, TOKEN_IS_DEAD));
    stage.fake.on('POST', LOGIN, tokenAnswer('t2', LEASE));
    stage.fake.on('POST', USE, byToken({ t2: USED }));
    await stage.use();
    expect(events).toEqual([
      { kind: 'login', method, secondsLeft: LEASE },
      { kind: 'renewal', method, secondsLeft: LEASE },
      { kind: 'end', method },
      { kind: 'login', method, secondsLeft: LEASE },
    ]);
  });

  it('as refusal and recovery', async () => {
    await using stage = await openSession();
    stage.fake.on('POST', LOGIN, errors(400, 'invalid role or secret ID'));
    await failure(stage.use());
    stage.fake.on('POST', LOGIN, tokenAnswer('t1', LEASE));
    stage.secretId = 'secret-2';
    await stage.use();
    expect(events).toEqual([
      { kind: 'refusal', method, class: 'login-refused' },
      { kind: 'login', method, secondsLeft: LEASE },
      { kind: 'recovery', method, secondsLeft: LEASE },
    ]);
  });

  it('as failure, of a login and of a renewal alike', async () => {
    await using stage = await openSession();
    stage.fake.on('POST', LOGIN, errors(503, 'Vault is sealed'));
    await failure(stage.use());
    stage.fake.on('POST', LOGIN, tokenAnswer('t1', LEASE));
    await stage.use();
    stage.fake.on('POST', RENEW, errors(503, 'Vault is sealed'));
    await renewed(stage);
    const told = events.map(({ kind, class: errorClass }) => [kind, errorClass]);
    expect(told.filter(([kind]) => kind === 'failure')).toEqual([
      ['failure', 'sealed'],
      ['failure', 'sealed'],
    ]);
  });
});
