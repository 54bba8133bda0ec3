import { GROUPS, groupOf, STORY_TESTS, type GroupRow } from '../../../src/doctor/check.ts';
import { CHECKS } from '../../../src/doctor/checks.ts';

const PLACEHOLDER = /<[^>]*>/g;

describe('R-DOCTOR-08 the table of checks', () => {
  it('has ids that differ, and groups that are known, in their order', () => {
    const ids = CHECKS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(30);
    const groups = [...new Set(ids.map(groupOf))];
    expect(groups).toEqual(Object.keys(GROUPS));
    for (const id of ids) expect(id).toMatch(/^[a-z]+\.[a-z]+(-[a-z]+)*$/);
  });

  it.each(CHECKS)('$id needs only what stands before it', ({ id, needs }) => {
    const before = CHECKS.slice(
      0,
      CHECKS.findIndex((check) => check.id === id),
    ).map((check) => check.id);
    expect(before).toEqual(expect.arrayContaining([...needs]));
    // Nothing can be looked at without a configuration.
    expect(id === 'config.valid' || needs.length > 0).toBe(true);
  });

  it.each(CHECKS)('$id can be made before the key is there only if all that it needs can', ({ needs, pre }) => {
    if (pre !== true) return;
    for (const need of needs) expect(CHECKS.find((check) => check.id === need)?.pre).toBe(true);
  });

  it.each(CHECKS)('$id tells cause and fix in sentences, with placeholders that are known', (check) => {
    const { cause, fix, policy = [], title } = check;
    expect(cause).toMatch(/^\S.*\.$/s);
    expect(fix).toMatch(/^\S/);
    expect(title).toMatch(/^[^.]+$/);
    for (const text of [cause, fix, ...policy.map(({ path }) => path)]) {
      expect((text.match(PLACEHOLDER) ?? []).filter((found) => !/^<[mkarls]>$/.test(found))).toEqual([]);
    }
  });

  it('covers each test of Story 4', () => {
    const covered = Object.values(GROUPS).map(({ story }: GroupRow) => story);
    expect(covered).toEqual(expect.arrayContaining([...STORY_TESTS]));
  });
});
