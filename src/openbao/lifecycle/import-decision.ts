import type { LiveKey } from '../../keystore/keystore.ts';
import { type ImportMarker, isLeased } from './import-marker.ts';

/** What an import has to do next, as Transit and the marker stand. */
export type ImportStep =
  /** Nobody has created the key, or it was destroyed after its import. */
  | 'unknown'
  /** The key has material that is not this one, or somebody is bringing other material. */
  | 'refuse'
  /** Take the marker and import. */
  | 'take'
  /** Another caller is importing this very material. */
  | 'wait'
  /** Another caller is importing other material, or has left an import behind. */
  | 'busy'
  /** The material is in, only the marker does not say so yet. */
  | 'settle'
  | 'done';

/** `blob` is the SHA-256 of the wrapped material; `now` is wall-clock time in milliseconds. */
export function decideImport(
  key: LiveKey | undefined,
  marker: ImportMarker | undefined,
  blob: string,
  now: number,
): ImportStep {
  if (marker === undefined || marker.state === 'deleted') return key === undefined ? 'unknown' : 'refuse';
  if (key !== undefined) {
    if (marker.state === 'pending' || marker.blob !== blob) return 'refuse';
    return marker.state === 'imported' ? 'done' : 'settle';
  }
  switch (marker.state) {
    case 'pending':
      return 'take';
    case 'imported':
      return 'unknown';
    case 'importing':
      if (!isLeased(marker, now)) return 'take';
      return marker.blob === blob ? 'wait' : 'busy';
  }
}
