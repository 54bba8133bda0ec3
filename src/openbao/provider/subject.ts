import { KeystoreError } from '../../keystore/errors.ts';
import type { GrantInput } from '../../keystore/keystore-provider.ts';

/** What a role demands of a certificate besides its authority. */
export interface SubjectRule {
  readonly commonName: string;
  /** One of them is enough for OpenBao; empty: any unit, and none. */
  readonly organizationalUnits: readonly string[];
}

/** The rule for a subject, exactly as CMK writes it. @throws KeystoreError `invalid-request` */
export function readSubject({ type, subject }: Pick<GrantInput, 'type' | 'subject'>): SubjectRule {
  return type === 'CRYPTO' ? parseDistinguishedName(subject) : parseCommonName(subject);
}

const ATTRIBUTES = ['CN', 'OU', 'O', 'L', 'C'] as const;
type Attribute = (typeof ATTRIBUTES)[number];

// X.520's upper bounds.
const MAX_LENGTH: Readonly<Record<Attribute, number>> = { CN: 64, OU: 64, O: 64, L: 128, C: 2 };
const MAX_UNITS = 16;
const MAX_SUBJECT_LENGTH = 1024;

// OpenBao takes `*` for any text. The rest is what the text of a name would have to escape: with it one text could be read
// in two ways. Characters that do not show, or that turn the direction of writing, have no place in a name.
const FORBIDDEN = /[*,=+<>;"\\\p{C}\p{Zl}\p{Zp}]/u;
const EDGE = /^[\s#]|\s$/u;

/** A bare common name. */
function parseCommonName(text: string): SubjectRule {
  requireValue('CN', text);
  return { commonName: text, organizationalUnits: [] };
}

/**
 * `CN=…,OU=…/…,O=…,L=…,C=…`: in this order, each at most once, only CN required. OpenBao can compare the common name and
 * the units; it takes no notice of the rest.
 */
function parseDistinguishedName(text: string): SubjectRule {
  if (text.length > MAX_SUBJECT_LENGTH) throw refused('is too long');
  const values = new Map<Attribute, string>();
  let next = 0;
  for (const part of text.split(',')) {
    const separator = part.indexOf('=');
    if (separator <= 0) throw refused('has a part without an attribute');
    const index = ATTRIBUTES.findIndex((attribute) => attribute === part.slice(0, separator));
    const attribute = ATTRIBUTES[index];
    if (attribute === undefined || index < next) throw refused('must be CN, OU, O, L and C in this order');
    next = index + 1;
    values.set(attribute, part.slice(separator + 1));
  }
  const { CN: commonName, OU: units, ...others } = Object.fromEntries(values) as Partial<Record<Attribute, string>>;
  if (commonName === undefined) throw refused('must begin with CN');
  requireValue('CN', commonName);
  for (const [attribute, value] of Object.entries(others)) requireValue(attribute as Attribute, value);
  return { commonName, organizationalUnits: units === undefined ? [] : requiredUnits(units) };
}

// CMK joins units with `/`. OpenBao is content with any one of those listed, so the certificate has to bring the last, the
// most particular one. The joined text is there for a certificate whose one unit is just that text.
function requiredUnits(joined: string): string[] {
  const units = joined.split('/');
  if (units.length > MAX_UNITS) throw refused('has too many units');
  for (const unit of units) requireValue('OU', unit);
  return units.length === 1 ? units : [units.at(-1) ?? '', joined];
}

function requireValue(attribute: Attribute, value: string): void {
  if (value === '') throw refused(`has an empty ${attribute}`);
  if (FORBIDDEN.test(value) || EDGE.test(value)) throw refused(`has a character in ${attribute} that is not accepted`);
  if (Array.from(value).length > MAX_LENGTH[attribute]) throw refused(`has a ${attribute} that is too long`);
  if (attribute === 'C' && !/^[A-Za-z]{2}$/.test(value)) throw refused('has a C that is no country code');
}

function refused(problem: string): KeystoreError {
  return new KeystoreError('invalid-request', `subject ${problem}`, { fields: ['subject'] });
}
