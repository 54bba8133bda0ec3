import { buildEnvironment } from '../../../../plugin-host/launch/environment.ts';

describe('a plugin’s environment', () => {
  test('H1 H2 is what is passed, then what is set, then go-plugin’s, and nothing else', () => {
    const inherited = { A: 'inherited', B: 'inherited', C: 'inherited', PATH: '/bin', NODE_V8_COVERAGE: '/tmp' };
    const options = { pass: ['A', 'B', 'ABSENT'], set: { B: 'set', D: 'set' } };
    expect(buildEnvironment(options, { D: 'protocol', E: 'protocol' }, inherited)).toEqual({
      A: 'inherited',
      B: 'set',
      D: 'protocol',
      E: 'protocol',
      ABSENT: undefined,
      NODE_V8_COVERAGE: undefined,
    });
  });

  test('H1 overrules Node’s own inheritance of NODE_V8_COVERAGE, unless it is passed', () => {
    const inherited = { NODE_V8_COVERAGE: '/tmp' };
    expect(Object.hasOwn(buildEnvironment({}, {}, inherited), 'NODE_V8_COVERAGE')).toBe(true);
    expect(buildEnvironment({ pass: ['NODE_V8_COVERAGE'] }, {}, inherited)).toEqual({ NODE_V8_COVERAGE: '/tmp' });
  });
});
