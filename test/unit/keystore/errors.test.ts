import { KeystoreError } from '../../../src/keystore/errors.ts';

describe('KeystoreError', () => {
  it('has its class, its own words and what may be said beside them', () => {
    const error = new KeystoreError('sealed', 'OpenBao is sealed', { httpStatus: 503 });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'KeystoreError', class: 'sealed', message: 'OpenBao is sealed' });
    expect(error.details).toEqual({ httpStatus: 503 });
    expect(error.cause).toBeUndefined();
  });

  it('says nothing beside its class unless it is given', () => {
    expect(new KeystoreError('internal', 'x').details).toEqual({});
  });
});
