import { status } from '@grpc/grpc-js';

import { type RaftCluster, startRaftCluster } from '../../scripts/openbao/raft-cluster.ts';
import { isAlive, ISOLATIONS, type KeystoreOperator, setUpKeystoreOperator } from '../support/keystore-operator.ts';
import {
  come,
  CRYPTO,
  CRYPTO_SUBJECT,
  makeKey,
  openProviderStage,
  provider,
  type ProviderStage,
  SUBJECT,
} from './provider-stage.ts';

let cluster: RaftCluster;
let operator: KeystoreOperator;

// A load balancer in front of the cluster may lead anywhere; here it always leads to a node that lags behind.
beforeAll(async () => {
  cluster = await startRaftCluster();
  const active = await cluster.active();
  const standby = cluster.nodes.find((node) => node !== active)!;
  const { caFile, rootToken } = cluster;
  const { address, pause, resume } = standby;
  operator = await setUpKeystoreOperator({ address, caFile, rootToken, request: active.request, pause, resume });
});
afterAll(async () => {
  await operator[Symbol.asyncDispose]();
  await cluster.stop();
});

describe.each(ISOLATIONS)('through a standby that does not know at once what was made: isolation %s', (isolation) => {
  let stage: ProviderStage;
  beforeAll(async () => {
    stage = await openProviderStage(operator, isolation);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('R-PROVIDER-15 keystores are made, found and filled with trust, and trust is taken away', async () => {
    for (let round = 0; round < 3; round += 1) {
      const keystore = await stage.createKeystore();
      await stage.plugin.call(provider.getKeystoreStatus, { accountId: keystore.name });
      const crypto = await stage.grant(keystore, CRYPTO, SUBJECT);
      await makeKey(operator, keystore);
      const visitor = await come(operator, await operator.issue(CRYPTO_SUBJECT), crypto);
      const encrypt = ['POST', `${keystore.transit}/encrypt/k`, { plaintext: 'eA==' }] as const;
      expect(await visitor.try(...encrypt)).toBe(200);
      await stage.removeTrust(keystore, crypto);
      expect(await visitor.try(...encrypt)).toBe(403);
      expect(await isAlive(operator, visitor.accessor, keystore.namespace)).toBe(false);
    }
    expect(stage.leftOvers()).toEqual([]);
  });

  it('R-PROVIDER-10 no keystore is deleted on the word of a standby', async () => {
    const keystore = await stage.createKeystore();
    const manager = await operator.issue({ commonName: `${keystore.name}-keys` });
    const visitor = await come(operator, manager, keystore.keyAccess);
    const request = { config: { values: keystore.keyAccess } };
    expect(await stage.plugin.refusal(provider.deleteKeystore, request)).toMatchObject({
      code: status.UNAVAILABLE,
      reason: 'NO_ACTIVE_NODE',
    });
    expect(await visitor.try('POST', `${keystore.transit}/keys/k`, { type: 'aes256-gcm96' })).toBe(200);
  });
});
