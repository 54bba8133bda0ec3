import { KeystoreError } from '../../../src/keystore/errors.ts';
import { LoginGate } from '../../../src/openbao/login-gate.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const refusal = new KeystoreError('login-refused', 'OpenBao refused the login');
const MINUTE = 60_000;

describe('R-AUTH-18 a gate that opens when the credential changes', () => {
  const rest = { firstMs: 16 * MINUTE, maxMs: 16 * MINUTE, untilChanged: true };

  it('keeps a refused credential for 16 minutes and at most a tenth more', () => {
    const clock = new ManualClock();
    clock.chance = 0;
    const gate = new LoginGate(rest, clock);
    gate.refuse('a', refusal);
    clock.advance(16 * MINUTE - 1);
    expect(gate.standing('a')).toBe(refusal);
    clock.advance(1);
    expect(gate.standing('a')).toBeUndefined();
    clock.chance = 0.999;
    gate.refuse('a', refusal);
    clock.advance(16 * MINUTE);
    expect(gate.standing('a')).toBe(refusal);
    clock.advance(1.6 * MINUTE);
    expect(gate.standing('a')).toBeUndefined();
  });

  it('lets another credential through at once', () => {
    const gate = new LoginGate(rest, new ManualClock());
    gate.refuse('a', refusal);
    expect(gate.standing('b')).toBeUndefined();
    expect(gate.standing('a')).toBe(refusal);
  });
});

describe('R-AUTH-19 a gate that doubles its pause', () => {
  const rest = { firstMs: 5000, maxMs: 300_000, untilChanged: false };

  it('from 5 s to 5 min, whatever the credential', () => {
    const clock = new ManualClock();
    clock.chance = 0;
    const gate = new LoginGate(rest, clock);
    const pauses: number[] = [];
    for (let refused = 0; refused < 9; refused += 1) {
      gate.refuse(String(refused), refusal);
      const began = clock.now();
      while (gate.standing('any') !== undefined) clock.advance(1000);
      pauses.push((clock.now() - began) / 1000);
    }
    expect(pauses).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
  });

  it('and begins at 5 s again after a success', () => {
    const clock = new ManualClock();
    clock.chance = 0;
    const gate = new LoginGate(rest, clock);
    gate.refuse('a', refusal);
    gate.refuse('a', refusal);
    gate.open();
    expect(gate.standing('a')).toBeUndefined();
    gate.refuse('a', refusal);
    clock.advance(5000);
    expect(gate.standing('a')).toBeUndefined();
  });
});
