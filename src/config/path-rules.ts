const SEGMENT = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,126}[A-Za-z0-9_])?$/;
const MAX_PATH_LENGTH = 255;

/** Whether a text may be one segment of an OpenBao path: ASCII, at most 128 characters, never `.` or `..`. */
export function isPathSegment(text: string): boolean {
  return SEGMENT.test(text);
}

/** Whether a text is a mount or namespace path: segments joined by `/`, none empty, no slash at either end. */
export function isPath(text: string): boolean {
  return text.length <= MAX_PATH_LENGTH && text.split('/').every(isPathSegment);
}

/** Whether a text may be the name of a region: CMK keeps 50 characters. */
export function isRegionLabel(text: string): boolean {
  return /^[A-Za-z0-9 _./:-]{1,50}$/.test(text);
}
