import { randomBytes } from 'node:crypto';

import { decrypt, encrypt } from '../../openbao/key-use.ts';
import { type Check, failed, ok, skipped, warning } from '../check.ts';

/** OpenKCM asks for 100 ms (UC007/REQ-005). */
const SLOW_MS = 100;
const SAMPLES = 7;

const needs: Check['needs'] = ['key.type', 'key.derived', 'key.enabled', 'rights.encrypt', 'rights.decrypt'];

export const USE_CHECKS: readonly Check[] = [
  {
    id: 'use.round-trip',
    title: 'what the key encrypts it decrypts',
    needs,
    perKey: true,
    backend: true,
    cause: 'The key cannot be used although nothing before speaks against it.',
    fix: 'Read the class of the failure in docs/reference/errors.md, and OpenBao’s own log at this time.',
    async examine(examination, key) {
      if (!examination.roles.includes('crypto')) return skipped('only the role crypto uses keys');
      const plaintext = randomBytes(32);
      const associatedData = Buffer.from('doctor');
      const { ciphertext, keyVersion } = await encrypt(examination.turn(), { keyId: key, plaintext, associatedData });
      const back = await decrypt(examination.turn(), { keyId: key, ciphertext, associatedData });
      return back.plaintext.equals(plaintext)
        ? ok(`with version ${keyVersion}, bound to associated data`)
        : failed('the plaintext came back changed');
    },
  },
  {
    id: 'use.latency',
    title: 'an encrypt is quick',
    needs: ['use.round-trip'],
    perKey: true,
    cause: 'The way to OpenBao is long, or OpenBao, its storage or its audit device is slow.',
    fix: 'Run the plugin near OpenBao; look at bao_core_handle_request and the time of the audit device in OpenBao’s metrics.',
    async examine(examination, key) {
      if (!examination.roles.includes('crypto')) return skipped('only the role crypto uses keys');
      const times: number[] = [];
      const plaintext = randomBytes(32);
      for (let sample = 0; sample < SAMPLES; sample += 1) {
        const started = performance.now();
        await encrypt(examination.turn(), { keyId: key, plaintext });
        times.push(performance.now() - started);
      }
      const median = times.toSorted((a, b) => a - b)[Math.floor(SAMPLES / 2)] ?? 0;
      const text = `${median.toFixed(1)} ms, median of ${SAMPLES}`;
      return median > SLOW_MS ? warning(text) : ok(text);
    },
  },
];
