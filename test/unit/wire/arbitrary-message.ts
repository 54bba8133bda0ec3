import { fromJson, ScalarType, type DescField, type DescMessage, type JsonObject } from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import fc, { type GeneratorValue } from 'fast-check';

const MAX_DEPTH = 3;

const SCALARS: Partial<Record<ScalarType, fc.Arbitrary<unknown>>> = {
  [ScalarType.BOOL]: fc.boolean(),
  [ScalarType.BYTES]: fc.uint8Array({ maxLength: 40 }),
  [ScalarType.DOUBLE]: fc.double(),
  [ScalarType.INT32]: fc.integer(),
  [ScalarType.INT64]: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  [ScalarType.STRING]: fc.string({ unit: 'grapheme', maxLength: 20 }),
  [ScalarType.UINT32]: fc.nat({ max: 2 ** 32 - 1 }),
};

/** Key names that are no prototype members: those are another test's matter. */
export const structKey = fc.stringMatching(/^[a-z][a-zA-Z.]{0,8}$/);

/** What a `google.protobuf.Struct` can hold. */
export const structContent: fc.Arbitrary<JsonObject> = fc.letrec<{ value: unknown; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { maxDepth: MAX_DEPTH },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'grapheme' }),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('object'),
  ),
  object: fc.dictionary(structKey, tie('value'), { maxKeys: 5, noNullPrototype: true }) as fc.Arbitrary<JsonObject>,
})).object;

/** A message of any content, made from its descriptor alone. */
export function fillMessage(type: DescMessage, draw: GeneratorValue, depth = 0): ReflectMessage {
  if (type.typeName === 'google.protobuf.Struct')
    return reflect(
      type,
      fromJson(
        type,
        draw(() => structContent),
      ),
    );
  const message = reflect(type);
  for (const field of type.fields) {
    if (!draw(fc.boolean)) continue;
    const value = (): unknown => fieldValue(field, draw, depth);
    if (field.fieldKind === 'list') {
      for (let count = draw(fc.nat, { max: 3 }); count > 0; count -= 1) message.get(field).add(value());
    } else if (field.fieldKind === 'map') {
      message.get(field).set(draw(fc.string, { unit: 'grapheme' }), value());
    } else {
      message.set(field, value());
    }
  }
  return message;
}

function fieldValue(field: DescField, draw: GeneratorValue, depth: number): unknown {
  if (field.message) return fillMessage(field.message, draw, depth + 1);
  if (field.enum) return draw(fc.constantFrom, ...field.enum.values.map((value) => value.number));
  const arbitrary = SCALARS[field.scalar];
  if (arbitrary === undefined) throw new Error(`no arbitrary for ${field.toString()}`);
  return draw(() => arbitrary);
}
