import type { status } from '@grpc/grpc-js';

import type { WrapVariant } from './key-material.ts';
import type { AlterVariant } from './local-ciphertext.ts';
import type { MethodName, RequestOf, ResponseOf } from './methods.ts';
import type { Capability, StageActs } from './stage.ts';

/** What a plugin may claim: keys that their owner holds, keys that a tenant brings, use of keys. */
export type Profile = 'HYOK' | 'BYOK' | 'DATA';

export const PROFILES: readonly Profile[] = ['HYOK', 'BYOK', 'DATA'];

/**
 * Stands for a value: `$fact` for a fact of the stage, `$name` for what an earlier step was called (`as`), `$name.field`
 * for a part of it.
 */
export type Reference = `$${string}`;

type Leaf = string | number | boolean | bigint | Buffer | undefined;
type IsStruct<T> = string extends keyof T ? true : false;

/** A Struct as a case writes it. A member `...` lays the others over the values it stands for; undefined takes one away. */
export interface StructTemplate {
  readonly '...'?: Reference;
  readonly [name: string]: unknown;
}

/** The bytes of a JSON text, of a value in which references are resolved. */
export interface JsonTemplate {
  readonly json: unknown;
}

/** A value, or a reference in place of it or of a part. */
export type Template<T> =
  | Reference
  | (T extends Buffer ? JsonTemplate : never)
  | (T extends Leaf
      ? T
      : IsStruct<T> extends true
        ? StructTemplate
        : { readonly [Field in keyof T]: Template<T[Field]> });

/** A condition on a value that is more than equality. */
export type Matcher<T> =
  /** Not absent and not empty; not the beginning of 1970. */
  | { readonly is: 'present' }
  | { readonly is: 'oneOf'; readonly values: readonly T[] }
  | { readonly is: 'differentFrom'; readonly other: Reference }
  | { readonly is: 'atLeast'; readonly least: number }
  /** A text, or bytes read as Latin-1. */
  | { readonly is: 'like'; readonly pattern: RegExp }
  /** A Timestamp or a text of RFC 3339: later than another, than now, or at most so many seconds before now. */
  | { readonly is: 'laterThan'; readonly other: Reference }
  | { readonly is: 'future' }
  | { readonly is: 'recent'; readonly seconds: number };

/** A condition on a list. */
export interface ListMatcher<Item> {
  readonly is: 'list';
  readonly length?: number;
  readonly each?: Pattern<Item>;
  readonly last?: Pattern<Item>;
  /** Fields that grow strictly from item to item: Timestamps, or texts that are decimal numbers. */
  readonly increasing?: readonly (keyof Item)[];
}

/** A condition on a map: exactly these keys, each with bytes that are not empty. */
export interface MapMatcher {
  readonly is: 'map';
  readonly keys: readonly string[];
}

type Plain<T> = T extends Leaf
  ? T
  : T extends ReadonlyMap<string, unknown>
    ? MapMatcher
    : T extends readonly (infer Item)[]
      ? ListMatcher<Item>
      : IsStruct<T> extends true
        ? Readonly<Record<string, string | Matcher<string>>>
        : { readonly [Field in keyof T]?: Pattern<T[Field]> };

/** What must hold of a value. Fields of a message that are not mentioned may be anything. */
export type Pattern<T> = Reference | Matcher<T> | Plain<T>;

/** What a call must be refused with. */
export interface RefusalPattern {
  /** One code, or several where the contract leaves the choice. */
  readonly code: status | readonly status[];
  /** To the letter; absent where the contract leaves the text to the plugin. */
  readonly message?: string;
  /** `ErrorInfo.reason`; then `ErrorInfo.domain` must be empty. */
  readonly reason?: string | readonly string[];
  /** Entries that `ErrorInfo.metadata` must have. */
  readonly metadata?: Readonly<Record<string, string>>;
}

type CallOf<Name extends MethodName> = {
  readonly call: Name;
  /** Fields that are left out have their default. */
  readonly request?: { readonly [Field in keyof RequestOf<Name>]?: Template<RequestOf<Name>[Field]> };
  /** Calls that are sent at once, each of which must end as expected; 1 by default. */
  readonly times?: number;
  /** Names the response for later steps. */
  readonly as?: string;
} & (
  | { readonly answers: { readonly [Field in keyof ResponseOf<Name>]?: Pattern<ResponseOf<Name>[Field]> } }
  | { readonly refused: RefusalPattern }
  /** Success or one of these codes, with any text. */
  | { readonly ends: readonly status[] }
);

/** One unary call and how it must end. */
export type CallStep = { readonly [Name in MethodName]: CallOf<Name> }[MethodName];

type Giving = 'newKey' | 'newId';
type Silent = 'seal' | 'unseal';

/** Something that the owner of the keystore does meanwhile. */
export type ActStep =
  | { readonly act: Giving; readonly as: string }
  | { readonly act: Silent }
  | { readonly act: 'expire'; readonly on: Reference; readonly as: string }
  | { readonly act: Exclude<keyof StageActs, Giving | Silent | 'expire'>; readonly on: Reference };

/**
 * Wraps a new key as a tenant does, under the response of GetImportParameters. Names `encryptedKeyMaterial`, a text, and
 * `material`, the key.
 */
export interface WrapStep {
  readonly wrap: Reference;
  readonly as: string;
  readonly variant?: WrapVariant;
}

/** Encrypts outside of any keystore, with the material of version 1 of a key. Names the ciphertext. */
export interface LocalEncryptStep {
  readonly encryptWith: Reference;
  readonly plaintext: string;
  readonly as: string;
}

/** Decrypts outside of any keystore, with the material of a key; it must give the plaintext. */
export interface LocalDecryptStep {
  readonly decryptWith: Reference;
  readonly ciphertext: Reference;
  readonly plaintext: string;
}

/** Names another ciphertext, made of one. */
export interface AlterStep {
  readonly alter: Reference;
  readonly how: AlterVariant;
  readonly as: string;
}

export type Step = CallStep | ActStep | WrapStep | LocalEncryptStep | LocalDecryptStep | AlterStep;

/** What one case is about, and how it goes. */
export interface ConformanceCase {
  /** Never used again for anything else. `BASE` cases hold for every plugin. */
  readonly id: `${Profile | 'BASE'}-${string}-${number}`;
  readonly title: string;
  /** The plugin must claim all of them, or the case is skipped. */
  readonly profiles: readonly Profile[];
  /** What the stage must offer beyond what the steps mention. */
  readonly needs?: readonly Capability[];
  readonly requirements: readonly `R-${string}-${number}`[];
  /** The row of the contract: the method and the case it describes. */
  readonly row: string;
  readonly steps: readonly Step[];
  /** Done at the end, whatever came of the steps. */
  readonly finally?: readonly ActStep[];
}
