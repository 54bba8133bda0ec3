import { compareReleases, defectsOf, KNOWN_DEFECTS } from '../../../src/doctor/releases.ts';

describe('R-DOCTOR-09 releases of OpenBao', () => {
  it.each([
    ['2.7.2', '2.7.2', 0],
    ['2.7.2', '2.7.10', -1],
    ['2.10.0', '2.9.9', 1],
    ['3.0.0', '2.99.99', 1],
    ['v2.7.2', '2.7.2', 0],
    ['2.7.2+build.1', '2.7.2', 0],
    ['2.7.2-rc1', '2.7.1', 1],
  ])('%s against %s', (one, other, sign) => {
    expect(Math.sign(compareReleases(one, other)!)).toBe(sign);
  });

  it.each(['', 'latest', '2.7', '2.7.2.1', '2..7'])('%j is no release', (text) => {
    expect(compareReleases(text, '2.7.2')).toBeUndefined();
    expect(defectsOf(text, 'approle')).toEqual([]);
  });

  it('an expired secret id is taken before 2.7.1, which concerns AppRole alone', () => {
    const [expiry] = KNOWN_DEFECTS;
    expect(defectsOf('2.7.0', 'approle')).toEqual([expiry]);
    expect(defectsOf('2.7.1', 'approle')).toEqual([]);
    expect(defectsOf('2.7.0', 'kubernetes')).toEqual([]);
  });

  it('each defect ends with the release that mended it', () => {
    for (const defect of KNOWN_DEFECTS) {
      expect(defectsOf(defect.below, defect.method ?? 'approle')).not.toContain(defect);
      expect(compareReleases(defect.from, defect.below)).toBeLessThan(0);
    }
    expect(defectsOf('2.6.0', 'cert')).toHaveLength(2);
  });
});
