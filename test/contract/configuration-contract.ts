import { status } from '@grpc/grpc-js';

import { initServiceNames } from '../../keystore-contract/plugin-types.ts';
import { createKey } from '../../scripts/openbao/setup.ts';
import { bootstrap, config, cryptoOperation, keyOperation, type Stage } from './stage.ts';

const TYPE = 'KeystoreInstanceKeyOperation';

export function configurationContract(stage: Stage): void {
  beforeAll(() => createKey(stage.customer.bao, { key: 'k' }));

  it('R-PROC-20 Init answers the names of its services, however often and whatever the host offers', async () => {
    const offers: string[][] = [[], ['some.host.v1.Service'], Array.from({ length: 1000 }, () => 'x'.repeat(100))];
    for (const hostServiceNames of offers) {
      const { pluginServiceNames } = await stage.call(bootstrap.init, { hostServiceNames });
      expect(pluginServiceNames).toEqual(initServiceNames(TYPE));
    }
  });

  it('R-PROC-24 Configure answers the build info', async () => {
    const { buildInfo } = await stage.call(config.configure, { yamlConfiguration: '' });
    const members = ['branch', 'org', 'product', 'repo', 'sha', 'version', 'buildTime'];
    expect(Object.keys(JSON.parse(buildInfo ?? '') as object).sort()).toEqual(members.sort());
  });

  it('R-PROC-23 R-AUTH-10 Configure succeeds while OpenBao cannot be reached, and makes no connection', async () => {
    const before = performance.now();
    await stage.configure('approle', { openbao: { addresses: ['https://127.0.0.1:1'] } });
    expect(performance.now() - before).toBeLessThan(5000);
    expect(await stage.refusal(keyOperation.getKey, { parameters: stage.parameters('k') })).toMatchObject({
      code: status.UNAVAILABLE,
      reason: 'UNREACHABLE',
    });
  });

  it('R-CONF-03 R-CONF-21 a text with faults is refused with the path of each', async () => {
    const yamlConfiguration = 'openbao: {addresses: [http://a.example.com], color: blue}\nauth: {method: magic}\n';
    const refusal = await stage.refusal(config.configure, { yamlConfiguration });
    expect(refusal).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'INVALID_REQUEST' });
    for (const path of ['openbao.color', 'openbao.addresses[0]', 'auth.method']) {
      expect(refusal.message).toContain(path);
      expect(refusal.metadata?.fields).toContain(path);
    }
    expect(refusal.message).not.toMatch(/blue|magic|a\.example/);
  });

  it('R-CONF-21 a text with thousands of faults is refused all the same', async () => {
    const yamlConfiguration = Array.from({ length: 5000 }, (_, index) => `"unknown ü ${index}": 1`).join('\n');
    expect(await stage.refusal(config.configure, { yamlConfiguration })).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_REQUEST',
    });
  });

  it('R-PROC-25 a Configure that fails leaves the configuration as it was', async () => {
    await stage.configure('callCertificate');
    await stage.refusal(config.configure, { yamlConfiguration: 'nonsense: true' });
    await stage.refusal(config.configure, { yamlConfiguration: ': :' });
    expect(await stage.call(keyOperation.getKey, { parameters: stage.parameters('k') })).toMatchObject({ keyId: 'k' });
  });

  it('R-PROC-25 a Configure that succeeds takes its place without failing a running call', async () => {
    await stage.configure('callCertificate');
    const running = Array.from({ length: 40 }, () => stage.encrypt('k'));
    await stage.configure('callCertificate', { limits: { readBudgetMs: 2000 } });
    const later = Array.from({ length: 40 }, () => stage.encrypt('k'));
    await stage.configure('callCertificate');
    expect(await Promise.all([...running, ...later])).toHaveLength(80);
  });

  it('R-KEY-08 what is configured counts for the very next call', async () => {
    await stage.configure('callCertificate', { limits: { maxPlaintextBytes: 4 } });
    const request = { parameters: stage.parameters('k'), plaintext: Buffer.from('12345') };
    expect(await stage.refusal(cryptoOperation.encrypt, request)).toMatchObject({ code: status.INVALID_ARGUMENT });
    await stage.configure('callCertificate');
    expect(await stage.call(cryptoOperation.encrypt, request)).toMatchObject({ keyVersionId: '1' });
  });

  it('R-PROC-26 R-AUTH-23 Deinit is answered, repeatedly; identities at hand go on, new ones are not logged in', async () => {
    await stage.configure('callCertificate');
    const getKey = { parameters: stage.parameters('k') };
    await stage.call(keyOperation.getKey, getKey);
    await stage.call(bootstrap.deinit, {});
    await stage.call(bootstrap.deinit, {});
    expect(await stage.call(keyOperation.getKey, getKey)).toMatchObject({ keyId: 'k' });
    const { certificatePem, privateKeyPem } = stage.customer.stranger;
    const stranger = stage.parameters('k', { clientCert: certificatePem, privateKey: privateKeyPem });
    expect(await stage.refusal(keyOperation.getKey, { parameters: stranger })).toMatchObject({
      code: status.UNAVAILABLE,
      reason: 'STOPPING',
    });
    await stage.configure('callCertificate');
    expect(await stage.call(keyOperation.getKey, getKey)).toMatchObject({ keyId: 'k' });
  });
}
