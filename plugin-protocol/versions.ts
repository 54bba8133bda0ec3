import { ProtocolError } from './errors.ts';

/** A decimal integer in the notation go-plugin accepts (sign and leading zeros allowed, no blanks), else undefined. */
export function parseInteger(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/**
 * The plugin's choice: the highest of its own versions that the host announced in `PLUGIN_PROTOCOL_VERSIONS`, else its
 * lowest, which the host then refuses. Entries of the list that are no integers are passed over.
 */
export function negotiateVersion(own: readonly number[], announced: string): number {
  const offered = new Set(announced.split(',').map(parseInteger));
  const descending = own.toSorted((a, b) => b - a);
  const choice = descending.find((version) => offered.has(version)) ?? descending.at(-1);
  if (choice === undefined) throw new ProtocolError('ERR_APP_VERSION', 'the plugin has no application version');
  return choice;
}

/** The host's check of what the plugin answered. Throws `ERR_APP_VERSION` when it was not offered. */
export function acceptVersion(offered: readonly number[], answered: number): number {
  if (offered.includes(answered)) return answered;
  throw new ProtocolError(
    'ERR_APP_VERSION',
    `incompatible API version with plugin. Plugin version: ${answered}, Client versions: [${offered.join(' ')}]`,
  );
}
