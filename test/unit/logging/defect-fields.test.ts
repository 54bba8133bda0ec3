import { defectFields } from '../../../src/logging/defect-fields.ts';

const CANARY = 's.CANARYtokenCANARYtoken01';

describe('R-SEC-21 of something that nobody has foreseen', () => {
  test('its kind and place are told, and nothing of its message, its cause or what was added to its stack', () => {
    const error = Object.assign(new TypeError(`no ${CANARY}\n    at ${CANARY}\n    at ${CANARY} (${CANARY})`), {
      cause: new Error(CANARY),
      config: { headers: { token: CANARY } },
    });
    error.stack = `${error.stack ?? ''}\n    at ${CANARY}\ncaused by: ${CANARY}`;
    const fields = defectFields(error);
    expect(JSON.stringify(fields)).not.toContain('CANARY');
    expect(fields).toEqual({
      error_name: 'TypeError',
      error_stack: expect.stringMatching(/^ {4}at .+:\d+:\d+/) as string,
    });
  });

  test.each([
    ['ECONNRESET', 'ECONNRESET'],
    ['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_TYPE'],
    [CANARY, undefined],
    [7, undefined],
  ])('of its code %s is told: %s', (code, told) => {
    expect(defectFields(Object.assign(new Error('x'), { code })).error_code).toBe(told);
  });

  test.each([[CANARY], [{ token: CANARY }], [undefined]])('what is no error is not told: %#', (thrown) => {
    expect(defectFields(thrown)).toEqual({ thrown: typeof thrown });
  });

  test('every kind of frame is a place', () => {
    const frames = [
      '    at /srv/plugin.cjs:1:2',
      '    at run (/srv/plugin.cjs:1:2)',
      '    at async Session.send (keystoreop-openbao.cjs:12:345)',
      '    at new Plugin (node:internal/timers:1:2)',
      '    at Object.<anonymous> (file:///srv/plugin.ts:1:2)',
      '    at Object.get [as value] (/srv/plugin.cjs:1:2)',
    ];
    const error = Object.assign(new Error('x'), { stack: ['Error: x', ...frames].join('\n') });
    expect(defectFields(error).error_stack).toBe(frames.join('\n'));
  });
});
