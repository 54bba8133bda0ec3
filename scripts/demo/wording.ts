import { PluginCallError } from '../../plugin-host/index.ts';
import type { Timestamp } from '../../proto/gen/google/protobuf/timestamp.ts';

/** A result with the time it took, as `1.8 ms`. */
export async function timed<T>(work: Promise<T>): Promise<[result: T, took: string]> {
  const started = performance.now();
  const result = await work;
  const ms = performance.now() - started;
  return [result, `${ms.toFixed(ms < 10 ? 1 : 0)} ms`];
}

/** How a call was refused; throws unless it was, and for this reason. */
export async function refusal(call: Promise<unknown>, reason: string): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof PluginCallError) || error.errorInfo?.reason !== reason) throw error;
    return `${error.status}, ${reason}: ${error.message}`;
  }
  throw new Error(`a call went through that must be refused: ${reason}`);
}

/** Ciphertext as text, its middle left out. */
export function shortened(ciphertext: Buffer): string {
  const text = ciphertext.toString('latin1');
  return `${text.slice(0, 30)}…${text.slice(-6)}  (${text.length} bytes)`;
}

/** UTC to the microsecond, which is where versions made within one second differ. */
export function formatTime(time: Timestamp | undefined): string {
  if (time === undefined) return 'never';
  const seconds = new Date(Number(time.seconds) * 1000).toISOString().slice(0, 19).replace('T', ' ');
  return `${seconds}.${String(Math.floor(time.nanos / 1000)).padStart(6, '0')} UTC`;
}

/** The parts of a build info that tell the most. */
export function formatBuildInfo(json: string | undefined): string {
  const { product, version, sha } = JSON.parse(json ?? '{}') as Record<'product' | 'version' | 'sha', string>;
  return `${product} ${version}${sha ? `, commit ${sha.slice(0, 12)}` : ''}`;
}
