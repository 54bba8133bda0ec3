import { readFileSync } from 'node:fs';
import type { EnvironmentVariables, PluginEnvironment } from '../../plugin-protocol/environment.ts';
import type { ProtocolErrorCode } from '../../plugin-protocol/errors.ts';
import type { HandshakeLine } from '../../plugin-protocol/handshake.ts';
import type { HclogEntry, HclogLevel } from '../../plugin-protocol/hclog.ts';

interface Named {
  readonly name: string;
}

/** `value` holds the certificate in base64 as the line does. `canonical`: the line is as a plugin writes it. */
interface HandshakeVectors {
  good: (Named & {
    line: string;
    value: Omit<HandshakeLine, 'certificateDer'> & { certificate?: string };
    canonical?: true;
  })[];
  bad: (Named & { line: string; code: ProtocolErrorCode })[];
}

/**
 * `entry` is null where only the JSON of `fields` is compared. `reference`: the Go host reads the line in the same way;
 * elsewhere it loses the level or ends.
 */
interface LogVectors {
  lines: (Named & { line: string; entry: HclogEntry | null; fields?: string; reference?: true })[];
  sequences: (Named & { lines: { line: string; level: HclogLevel }[] })[];
}

/** `build` is what a host starts from to get exactly these variables. */
interface EnvironmentVectors {
  good: (Named & {
    variables: EnvironmentVariables;
    environment: PluginEnvironment;
    build?: { cookieKey: string; cookieValue: string; protocolVersions: number[] };
  })[];
  bad: (Named & { variables: EnvironmentVariables; code: ProtocolErrorCode; message: string })[];
  impossibleCookieKeys: string[];
}

const read = (file: string): unknown => JSON.parse(readFileSync(`test/vectors/${file}`, 'utf8'));

export const HANDSHAKE_LINES = read('handshake-lines.json') as HandshakeVectors;
export const LOG_LINES = read('log-lines.json') as LogVectors;
export const ENVIRONMENTS = read('environments.json') as EnvironmentVectors;
