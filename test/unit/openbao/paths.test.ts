import { cryptoPath, keyPath, loginPath, mountPath, TOKEN_PATHS } from '../../../src/openbao/paths.ts';

describe('paths below /v1/', () => {
  it('R-SEC-09 are these and no others: none exports or backs up a key', () => {
    expect([
      keyPath('team/transit', 'k.1'),
      cryptoPath('transit', 'encrypt', 'k'),
      cryptoPath('transit', 'decrypt', 'k'),
      cryptoPath('transit', 'rewrap', 'k'),
      loginPath('team/cert'),
      mountPath('team/transit'),
      ...Object.values(TOKEN_PATHS),
    ]).toEqual([
      'team/transit/keys/k.1',
      'transit/encrypt/k',
      'transit/decrypt/k',
      'transit/rewrap/k',
      'auth/team/cert/login',
      'sys/internal/ui/mounts/team/transit',
      'auth/token/lookup-self',
      'auth/token/renew-self',
      'auth/token/revoke-self',
    ]);
  });
});
