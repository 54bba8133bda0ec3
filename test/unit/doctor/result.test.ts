import { createLayout } from '../../../src/command/layout.ts';
import { doctorText } from '../../../src/command/doctor-text.ts';
import { doctorResult, toDoctorResult } from '../../../src/doctor/doctor-result.ts';
import type { CheckResult, DoctorReport, Overview } from '../../../src/doctor/report.ts';

const OVERVIEW: Overview = { version: '2.7.2', loggedIn: 'yes', policies: ['app'], transit: 'enabled' };

function one(id: CheckResult['id'], status: CheckResult['status'], more: Partial<CheckResult> = {}): CheckResult {
  return { id, title: 'all is well', status, text: 'seen', durationMs: 1.26, backend: false, ...more };
}

function report(results: readonly CheckResult[], changes: Partial<DoctorReport> = {}): DoctorReport {
  return { results, overview: OVERVIEW, interrupted: false, durationMs: 12.34, ...changes };
}

const GOOD = [
  one('config.valid', 'ok'),
  one('login.accepted', 'ok'),
  one('rights.encrypt', 'ok', { key: 'k' }),
  one('use.round-trip', 'ok', { key: 'k' }),
  one('end.revoked', 'ok'),
];
const PASSED = {
  test_approle_login: 'passed',
  test_transit_operations: 'passed',
  verify_access_controls: 'passed',
  test_token_lifecycle: 'passed',
};

describe('R-DOCTOR-10 the result', () => {
  it.each<[string, readonly CheckResult[], number, string]>([
    ['all good', GOOD, 0, 'ready'],
    ['a warning', [...GOOD, one('files.mode', 'warning')], 0, 'ready'],
    ['no key used', [one('config.valid', 'ok')], 0, 'unproven'],
    ['a failure', [...GOOD, one('key.type', 'failed')], 4, 'failed'],
    ['OpenBao', [one('key.type', 'failed'), one('login.accepted', 'failed', { backend: true })], 5, 'failed'],
    [
      'the configuration',
      [one('config.valid', 'failed'), one('network.dns', 'failed', { backend: true })],
      3,
      'failed',
    ],
  ])('of %s', (_, results, exitCode, status) => {
    const result = toDoctorResult(report(results));
    expect([result.exit_code, result.plugin_status]).toEqual([exitCode, status]);
    expect(doctorResult.parse(result)).toEqual(result);
  });

  it('of an interruption proves nothing', () => {
    expect(toDoctorResult(report(GOOD, { interrupted: true })).plugin_status).toBe('unproven');
  });

  it('has the tests of Story 4: passed when what decides was good and nothing of it failed', () => {
    expect(toDoctorResult(report(GOOD)).tests).toEqual(PASSED);
    const results = [
      ...GOOD.slice(0, 2),
      one('excess.sudo', 'failed'),
      one('rights.encrypt', 'ok'),
      one('end.revoked', 'skipped'),
    ];
    expect(toDoctorResult(report(results)).tests).toEqual({
      test_approle_login: 'passed',
      test_transit_operations: 'skipped',
      verify_access_controls: 'failed',
      test_token_lifecycle: 'skipped',
    });
  });

  it('says so when nothing is known', () => {
    const overview: Overview = { version: '', loggedIn: 'no', policies: [], transit: 'unknown' };
    expect(toDoctorResult(report([], { overview }))).toMatchObject({
      vault_version: null,
      auth_status: 'refused',
      transit_engine: 'unknown',
      checks: [],
    });
  });
});

describe('R-DOCTOR-10 the result for people', () => {
  const rules = [{ path: 'transit/keys/k', capabilities: ['read'] }] as const;
  const RESULT = toDoctorResult(
    report([
      one('config.valid', 'ok', { text: 'the configuration is complete; login by approle' }),
      one('key.readable', 'failed', {
        key: 'k',
        text: 'OpenBao denies the request',
        cause: 'No policy of the token allows reading the key; without that CMK sees no key.',
        fix: 'Add the line to the policy.',
        policy: rules,
      }),
      one('transit.upsert', 'skipped', { text: 'the token may not look', policy: rules }),
    ]),
  );

  it('has a line for each check, cause, fix and policy of what is not well, and at the end the whole', () => {
    expect(doctorText(RESULT, createLayout(undefined))).toBe(`Configuration
  ok    config.valid: the configuration is complete; login by approle

Transit engine
  skip  transit.upsert: the token may not look

Key
  FAIL  key.readable k: OpenBao denies the request
        cause   No policy of the token allows reading the key; without that CMK
                sees no key.
        fix     Add the line to the policy.
        policy
          path "transit/keys/k" {
            capabilities = ["read"]
          }

Result
  plugin    failed
  OpenBao   2.7.2
  login     authenticated
  policies  app
  transit   enabled
  checks    1 ok, 0 with a warning, 1 failed, 1 skipped
  With these rights, if only while it is examined, more could be looked at:
    path "transit/keys/k" {
      capabilities = ["read"]
    }
`);
  });

  it.each([40, 80])('keeps within %i columns, and has colours only where they are wanted', (columns) => {
    const plain = doctorText(RESULT, createLayout({ columns, colours: false }));
    for (const line of plain.split('\n')) expect(line.length).toBeLessThanOrEqual(columns);
    expect(plain).not.toContain('\x1b');
    const painted = doctorText(RESULT, createLayout({ columns, colours: true }));
    expect(painted).toContain('\x1b[31mFAIL');
    // eslint-disable-next-line no-control-regex -- that is what colours are
    expect(painted.replace(/\x1b\[\d+m/g, '')).toBe(plain);
  });
});
