import { createOneTimeCertificate } from '../../plugin-protocol/certificate.ts';
import type { LoadOptions } from '../process/plugin-host/host-fixture.ts';

const certificate = createOneTimeCertificate().certificateDer.toString('base64').replace(/=+$/, '');

/** A plugin that does not do as it should: what to load, and with which options. */
export type BadPlugin = readonly [fixture: string, options: LoadOptions];

/** One that does what a shell script says. */
export function told(script: string, options: LoadOptions = {}): BadPlugin {
  return ['told.sh', { ...options, args: [script] }];
}

/** One that announces an address at which it does not serve. */
export function announcing(network: 'unix' | 'tcp', address: string): BadPlugin {
  return told(`echo '1|1|${network}|${address}|grpc|${certificate}'; exec sleep 600`);
}

/** Shell text that writes lines of 1 MiB to a descriptor. */
export function longLines(count: number, descriptor: 1 | 2): string {
  const line = `head -c 1048576 /dev/zero | tr '\\0' x >&${descriptor}; echo >&${descriptor}`;
  return `for line in ${'1 '.repeat(count)}; do ${line}; done`;
}
