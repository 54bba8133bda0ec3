import { DESCRIPTOR_SET_BASE64 } from '../../../proto/gen/descriptor-set.ts';
import { WIRE_CONTRACT } from '../../vectors/wire-contract.ts';
import { describeDescriptorSet, fileSyntaxes } from './descriptor-table.ts';

const compiled = Buffer.from(DESCRIPTOR_SET_BASE64, 'base64');

describe('compiled contract', () => {
  const tables = describeDescriptorSet(compiled);

  test('R-PROC-02 holds exactly the packages of the contract', () => {
    expect(Object.keys(tables).sort()).toEqual(Object.keys(WIRE_CONTRACT).sort());
  });

  test.each(Object.entries(WIRE_CONTRACT))(
    'R-PROC-02 %s is as written down, nothing missing and nothing extra',
    (name, expected) => {
      expect(tables[name]).toEqual({ services: {}, enums: {}, ...expected });
    },
  );

  test('R-PROC-02 every file is proto3', () => {
    expect([...new Set(Object.values(fileSyntaxes(compiled)))]).toEqual(['proto3']);
  });
});
