import fc from 'fast-check';

import { parseJsonPath, selectJson } from '../../../src/config/json-path.ts';

describe('parseJsonPath', () => {
  test.each([
    ['$.auth.id', ['auth', 'id']],
    ['auth.id', ['auth', 'id']],
    ["$['role-id'][0].x", ['role-id', '0', 'x']],
    ['$[3]', ['3']],
  ])('reads %s', (text, steps) => {
    expect(parseJsonPath(text)).toEqual(steps);
  });

  test.each(['', '$', '$..a', '$.*', 'a.', "$['a", '$[?(@.a)]', 'a b', '$[-1]'])('refuses %j', (text) => {
    expect(parseJsonPath(text)).toBeUndefined();
  });

  test('ends for any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const steps = parseJsonPath(text);
        expect(steps === undefined || steps.length > 0).toBe(true);
      }),
    );
  });
});

describe('selectJson', () => {
  test('follows own members only', () => {
    expect(selectJson({ a: [{ b: 'x' }] }, ['a', '0', 'b'])).toBe('x');
    for (const inherited of ['__proto__', 'constructor', 'toString']) {
      expect(selectJson({}, [inherited])).toBeUndefined();
      expect(selectJson({}, [inherited, 'name'])).toBeUndefined();
    }
    expect(selectJson('text', ['length'])).toBeUndefined();
  });
});
