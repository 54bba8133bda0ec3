import { status } from '@grpc/grpc-js';

import { parseConfiguration } from '../../../src/config/parse.ts';
import type { CallTrace } from '../../../src/keystore/call.ts';
import { Audit, type AuditFacts } from '../../../src/rpc/audit.ts';

const TRACE: CallTrace = {
  openbaoRequestIds: ['r-1', 'r-2'],
  attempts: 3,
  path: 'kms/transit/encrypt/l1',
  tokenAccessor: 'accessor-1',
  place: {
    cluster: { origins: ['https://a.example.com:8200'] },
    namespace: 'team',
    transitMount: 'kms/transit',
    identity: { method: 'callCertificate', mount: 'cert', roleName: 'r', certificate: { chainPem: 'PEM' } },
  },
};
const FACTS: AuditFacts = {
  rpc: 'Encrypt',
  outcome: 'ok',
  code: status.OK,
  keyName: 'l1',
  keyVersion: '2',
  correlationId: 'c-1',
  traceId: 't'.repeat(32),
  trace: TRACE,
  durationMs: 1.5,
  more: { path: 'kms/transit/encrypt/l1' },
};

function auditOf(settings: string): Audit {
  const audit = Audit.of(parseConfiguration(`audit: ${settings}`, { type: 'KeystoreInstanceKeyOperation' }).audit);
  if (audit === undefined) throw new Error('there is no audit');
  return audit;
}

describe('R-AUDIT-02 audit records', () => {
  it('are not made unless the configuration says so', () => {
    expect(Audit.of(parseConfiguration('', { type: 'KeystoreInstanceKeyOperation' }).audit)).toBeUndefined();
  });

  it('tell what was called, by whom, and what came of it', () => {
    const { keystore_ref: keystore, tenant_ref: tenant, ...record } = auditOf('{ level: info }').record(FACTS);
    expect(record).toEqual({
      rpc: 'Encrypt',
      outcome: 'ok',
      grpc_code: 'OK',
      reason: undefined,
      key_name: 'l1',
      key_version: '2',
      correlation_id: 'c-1',
      trace_id: 't'.repeat(32),
      bao_request_id: 'r-1 r-2',
      path: 'kms/transit/encrypt/l1',
      attempt: 3,
      duration_ms: 1.5,
    });
    expect([keystore, tenant]).toEqual([
      expect.stringMatching(/^[0-9a-f]{16}$/),
      expect.stringMatching(/^[0-9a-f]{16}$/),
    ]);
    expect(keystore).not.toBe(tenant);
  });

  it('tell the server, the path and the identity in full detail', () => {
    expect(auditOf('{ level: info, detail: full }').record(FACTS)).toMatchObject({
      bao_address: 'https://a.example.com:8200',
      bao_namespace: 'team',
      bao_path: 'kms/transit/encrypt/l1',
      auth_method: 'callCertificate',
      auth_mount: 'cert',
      auth_role: 'r',
      token_accessor: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    });
  });

  it('never tell the name of a key, or of a token, where that is not wanted', () => {
    const record = auditOf('{ level: info, detail: full, keyNames: hashed }').record(FACTS);
    expect(record).toMatchObject({ bao_path: 'kms/transit/encrypt', path: 'kms/transit/encrypt' });
    expect(JSON.stringify(record)).not.toMatch(/l1|accessor-1|PEM/);
  });

  it('hash alike with the same salt, and otherwise with another', () => {
    const refs = ['a', 'a', 'b'].map((salt) => {
      const record = auditOf(`{ level: info, detail: full, keyNames: hashed, salt: ${salt} }`).record(FACTS);
      return [record.key_name, record.tenant_ref, record.keystore_ref, record.token_accessor];
    });
    expect(refs[0]).toEqual(refs[1]);
    for (const [index, ref] of refs[0]!.entries()) expect(ref).not.toBe(refs[2]![index]);
  });

  it.each([
    ['debug', 'debug', 'debug'],
    ['info', 'debug', 'info'],
    ['info', 'error', 'error'],
    ['warn', 'info', 'warn'],
  ] as const)('R-AUDIT-03 at level %s: what is otherwise logged at %s is at %s', (level, own, expected) => {
    expect(auditOf(`{ level: ${level} }`).levelOf(own)).toBe(expected);
  });

  it('of a call that went nowhere have no place', () => {
    const { bao_address: address, keystore_ref: ref } = auditOf('{ level: info, detail: full }').record({
      ...FACTS,
      trace: { openbaoRequestIds: [] },
    });
    expect([address, ref]).toEqual([undefined, undefined]);
  });
});
