// A key id is the name of a Transit key and nothing else. The pattern is Transit's own grammar for names, in ASCII and
// within CMK's 255 characters; it also keeps `& < > " '` away from CMK's HTML sanitiser.
const KEY_ID = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_])?$/;

/** Whether a text is a key id of this contract. */
export function isKeyId(text: string): boolean {
  return KEY_ID.test(text);
}

// Transit counts versions from 1; no key comes near ten digits.
const KEY_VERSION_ID = /^[1-9][0-9]{0,9}$/;

/** The number behind a key version id, or undefined when the text is none. */
export function parseKeyVersionId(text: string): number | undefined {
  return KEY_VERSION_ID.test(text) ? Number(text) : undefined;
}

/** The id of a key version: its decimal number. */
export function formatKeyVersionId(version: number): string {
  return String(version);
}

// Correlation id of a caller, sent on to the keystore's audit log.
const REQUEST_ID = /^[A-Za-z0-9_.-]{1,128}$/;

/** Whether a text may serve as `request_id`. */
export function isRequestId(text: string): boolean {
  return REQUEST_ID.test(text);
}
