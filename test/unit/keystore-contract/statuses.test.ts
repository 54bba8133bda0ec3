import {
  ACCESS_DATA_REASONS,
  EXACT_STATUSES,
  KEY_STATES,
  KEY_USAGE_ENCRYPT_DECRYPT,
} from '../../../keystore-contract/statuses.ts';

// CMK compares code and message letter by letter (plugin-sdk v0.14.0, pkg/plugin/keystore/errors).
describe('statuses that CMK recognises', () => {
  it('R-ERR-02 are exactly these pairs of code and message', () => {
    expect(EXACT_STATUSES).toEqual({
      authentication: { code: 3, message: 'failed to authenticate with the keystore provider' },
      keyNotFound: { code: 5, message: 'key not found in the keystore provider' },
      getKey: { code: 2, message: 'failed to get key' },
      invalidAccessData: { code: 3, message: 'invalid key access data' },
      keyMaterial: {
        code: 3,
        message: 'key material decryption failed: invalid or incorrectly wrapped key material',
      },
    });
  });

  it('R-ERR-02 the reasons and states are those that its database accepts', () => {
    expect(ACCESS_DATA_REASONS).toEqual({ missingFields: 'MISSING_FIELDS', cannotParseData: 'CANNOT_PARSE_DATA' });
    expect(KEY_STATES).toEqual(['ENABLED', 'DISABLED', 'PENDING_IMPORT', 'PENDING_DELETION']);
    expect(KEY_USAGE_ENCRYPT_DECRYPT).toBe('ENCRYPT_DECRYPT');
  });
});
