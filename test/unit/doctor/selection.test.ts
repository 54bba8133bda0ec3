import { CHECKS } from '../../../src/doctor/checks.ts';
import { select, type Selection, UnknownCheckError } from '../../../src/doctor/selection.ts';

function leftOut(selection: Selection): Record<string, string> {
  return Object.fromEntries(select(CHECKS, selection));
}

describe('R-DOCTOR-04 the selection of checks', () => {
  it('is all of them', () => {
    expect(leftOut({})).toEqual({});
  });

  it('is a check and all that it needs, however far', () => {
    const asked = CHECKS.map(({ id }) => id).filter((id) => leftOut({ only: ['network.connect'] })[id] === undefined);
    expect(asked).toEqual([
      'config.valid',
      'config.access-data',
      'config.address',
      'files.readable',
      'network.dns',
      'network.connect',
    ]);
  });

  it('leaves out what is named even if something else needs it', () => {
    const found = leftOut({ only: ['network.connect'], skip: ['network.dns'] });
    expect(found).toMatchObject({ 'network.dns': 'skip', 'tls.trust': 'not-asked' });
    expect(found).not.toHaveProperty(['network.connect']);
  });

  it('leaves out groups, and what comes later', () => {
    expect(leftOut({ skip: ['use'] })).toEqual({ 'use.round-trip': 'skip', 'use.latency': 'skip' });
    const later = leftOut({ pre: true });
    expect(later).toMatchObject({ 'key.exists': 'pre', 'transit.mount': 'pre', 'rights.encrypt': 'pre' });
    expect(later).not.toHaveProperty(['login.accepted']);
  });

  it.each([
    [{ only: ['keys'] }, ['keys']],
    [{ skip: ['key.exist', 'toString'] }, ['key.exist', 'toString']],
    [{ only: [''] }, ['']],
  ])('%j names what there is not', (selection, unknown) => {
    expect(() => select(CHECKS, selection)).toThrow(new UnknownCheckError(unknown));
  });
});
